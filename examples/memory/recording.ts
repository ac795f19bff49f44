/** What is recorded of the programs, and shown on the page. All sizes and addresses are in bytes. */
import type { memory } from "torchlet";

export type Category = memory.Category | "unknown";
export type Role = memory.Role;
export type Kind = memory.Kind;
/** A figure for each of the three generations. */
export type PerGeneration = readonly [number, number, number];

/** A line of a program. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** Something that happened to the memory. */
export interface MemoryEvent {
  readonly action: "alloc" | "free" | "segment_alloc" | "segment_free";
  readonly address: number;
  /** As asked for. */
  readonly size: number;
  readonly kind: Kind;
  /** What the block was for, in the end; null for a segment. */
  readonly category: Category | null;
  readonly place: Place;
}

/** A part of the training program, from the phase before it to the event at which it ended. */
export interface Phase {
  /** 0 while the model is built. */
  readonly step: number;
  readonly name: string;
  /** How many events had happened at its end. */
  readonly end: number;
  /** What `stats()` said was in use then, as asked for. */
  readonly requested: number;
}

export interface Training {
  readonly events: readonly MemoryEvent[];
  readonly phases: readonly Phase[];
  /** The part of the program that the events come from. */
  readonly source: { readonly file: string; readonly firstLine: number; readonly lines: readonly string[] };
}

export interface BlockMap {
  readonly address: number;
  readonly size: number;
  readonly requested: number;
  /** Null while it is free. */
  readonly category: Category | null;
}
export interface SegmentMap {
  readonly address: number;
  readonly size: number;
  readonly kind: Kind;
  readonly part: "small" | "large";
  readonly blocks: readonly BlockMap[];
}
/** All that the pool holds at a moment. */
export interface Moment {
  readonly title: string;
  readonly text: string;
  readonly segments: readonly SegmentMap[];
  /** Of `stats()`: what is in use, what was taken from the device, and the free pieces that cannot be given back. */
  readonly allocated: number;
  readonly reserved: number;
  readonly inactiveSplit: number;
}

/** A storage that the walk follows, at one of its steps. */
export interface FollowedStorage {
  readonly name: string;
  readonly size: number;
  readonly category: Category;
  readonly address: number;
  /** All 0 once it is gone. */
  readonly owners: Readonly<Record<Role, number>>;
  /** Whether its block is free, as the snapshot says. */
  readonly isFree: boolean;
}
export interface OwnersStep {
  readonly title: string;
  readonly text: string;
  readonly code: string;
  readonly storages: readonly FollowedStorage[];
}

/** An object that the cycle collector tracks. `references`: places in the list of all objects. */
export interface TrackedObject {
  readonly name: string;
  readonly references: readonly number[];
}
/** What stands at an object: `count` is the library's, `copy` what the collector works on. Null where it is gone, or not there yet. */
export interface ObjectState {
  readonly count: number | null;
  readonly copy: number | null;
  readonly mark: "none" | "reachable" | "unreachable";
}
export interface CycleStep {
  readonly title: string;
  readonly text: string;
  readonly code: string;
  readonly states: readonly ObjectState[];
  readonly tracked: number;
  readonly getCount: PerGeneration;
  readonly allocated: number;
}
export interface Cycle {
  readonly objects: readonly TrackedObject[];
  readonly steps: readonly CycleStep[];
  /** What `gc.collect()` returned. */
  readonly found: number;
}
/** A gradient with a history, and the ring that it closes. */
export interface GradientCycle {
  readonly code: string;
  readonly objects: readonly (TrackedObject & { readonly count: number })[];
  readonly before: number;
  readonly found: number;
  readonly after: number;
}

/** One collection of a generation, which the collector began by itself. */
export interface Collection {
  /** Containers made until then. */
  readonly made: number;
  readonly generation: number;
  readonly collected: number;
  readonly countBefore: PerGeneration;
  readonly countAfter: PerGeneration;
  readonly trackedBefore: PerGeneration;
  readonly trackedAfter: PerGeneration;
  /** Since the record began: collections of each generation, and what they found. */
  readonly collections: PerGeneration;
  readonly found: PerGeneration;
  /** The generation that the first container that is kept stands in afterwards. */
  readonly followed: number;
}
export interface Generations {
  readonly code: string;
  readonly threshold: PerGeneration;
  readonly collections: readonly Collection[];
}

export interface ReuseStep {
  readonly title: string;
  readonly text: string;
  readonly code: string;
  /** The blocks that tensors of the program have, by the tensors' names. */
  readonly blocks: Readonly<Record<string, number>>;
  readonly segments: readonly SegmentMap[];
  readonly events: readonly MemoryEvent[];
  /** `num_reused` of `stats()`, since the record began. */
  readonly reused: number;
}

export interface Recording {
  /** Where it was made, such as `Node 20.20.2`. */
  readonly host: string;
  readonly training: Training;
  readonly moments: readonly Moment[];
  readonly owners: readonly OwnersStep[];
  readonly cycle: Cycle;
  readonly gradientCycle: GradientCycle;
  readonly generations: Generations;
  readonly reuse: readonly ReuseStep[];
}
