import type { Container } from "./container.ts";

/**
 * Note [Collecting cycles]. CPython's algorithm (Modules/gcmodule.c, described in its developer's guide under "Garbage collector design"), on
 * counted containers. To find the garbage among some of them: copy each count; for each reference that one of them holds to another, subtract one
 * from the other's copy; what stays above zero is referred to from outside. Mark it and all that it reaches. The rest only refers to itself: sweep.
 *
 * Most containers die young. So the new ones stand in generation 0, which is examined when more than 700 have been made beyond those that went;
 * what survives moves to generation 1, examined with every tenth such collection or so, then to 2, with every tenth of those and only if enough
 * has come in since the last full collection.
 */

/** A ring of containers; the head is none. */
interface Links {
  gcPrevious: Links | null;
  gcNext: Links | null;
}
interface Generation {
  readonly head: Links;
  threshold: number;
  /** Of generation 0: containers made less those that went since its last collection. Of the others: collections of the one before. */
  count: number;
  readonly stats: { collections: number; collected: number; uncollectable: number };
}

function ring(): Links {
  const head: Links = { gcPrevious: null, gcNext: null };
  head.gcPrevious = head;
  head.gcNext = head;
  return head;
}
const generation = (threshold: number): Generation => ({
  head: ring(),
  threshold,
  count: 0,
  stats: { collections: 0, collected: 0, uncollectable: 0 },
});
const generations: readonly [Generation, Generation, Generation] = [generation(700), generation(10), generation(10)];
const permanent: Links = ring();

let enabled = true;
let collecting = false;
/** What survived the last full collection, and what has come to generation 2 since. */
let longLived = 0;
let longLivedPending = 0;

function append(head: Links, x: Links): void {
  const last = head.gcPrevious!;
  last.gcNext = x;
  x.gcPrevious = last;
  x.gcNext = head;
  head.gcPrevious = x;
}
function remove(x: Links): void {
  x.gcPrevious!.gcNext = x.gcNext;
  x.gcNext!.gcPrevious = x.gcPrevious;
  x.gcPrevious = null;
  x.gcNext = null;
}
function move(x: Links, to: Links): void {
  remove(x);
  append(to, x);
}
function moveToFront(x: Links, to: Links): void {
  remove(x);
  append(to.gcNext!, x); // before the first
}
/** Moves all of one ring to the end of another. */
function merge(from: Links, to: Links): void {
  if (from.gcNext === from) return;
  const [first, last, end] = [from.gcNext!, from.gcPrevious!, to.gcPrevious!];
  end.gcNext = first;
  first.gcPrevious = end;
  last.gcNext = to;
  to.gcPrevious = last;
  from.gcNext = from;
  from.gcPrevious = from;
}
/** Calls `visit` for each container of a ring. A generator would take most of a collection's time. */
function each(head: Links, visit: (c: Container) => void): void {
  for (let x = head.gcNext!; x !== head; x = x.gcNext!) visit(x as Container);
}
function lengthOf(head: Links): number {
  let n = 0;
  for (let x = head.gcNext!; x !== head; x = x.gcNext!) n++;
  return n;
}
function listOf(head: Links): Container[] {
  const list: Container[] = [];
  each(head, (c) => list.push(c));
  return list;
}

/** Puts a container under the collector's eyes. May collect first: the container is not looked at then. */
export function track(c: Container): void {
  if (c.gcNext !== null) return;
  const [young] = generations;
  if (++young.count > young.threshold && enabled && young.threshold > 0 && !collecting) collectGenerations();
  append(young.head, c);
}

/** Takes a container that died, or that is no longer counted, out of the collector's sight. */
export function untrack(c: Container): void {
  if (c.gcNext === null) return;
  remove(c);
  const [young] = generations;
  if (young.count > 0) young.count--;
}

/** Collects the oldest generation whose threshold is passed, and with it the younger ones. */
function collectGenerations(): void {
  for (let i = 2; i >= 0; i--) {
    const g = generations[i]!;
    if (g.count <= g.threshold) continue;
    // A full collection costs what lives: it is worth it only when a quarter as much has come in.
    if (i === 2 && longLivedPending < longLived / 4) continue;
    collectCycles(i);
    return;
  }
}

/** Called before and after each collection, as Python's `gc.callbacks`. */
export type GcCallback = (phase: "start" | "stop", info: { generation: number; collected: number; uncollectable: number }) => void;
export const callbacks: GcCallback[] = [];

/**
 * Collects the cycles of a generation and the younger ones.
 * @returns how many containers it freed.
 */
export function collectCycles(index: number = 2): number {
  if (collecting) return 0;
  collecting = true;
  try {
    for (const f of callbacks) f("start", { generation: index, collected: 0, uncollectable: 0 });
    const collected = collectInto(index);
    for (const f of callbacks) f("stop", { generation: index, collected, uncollectable: 0 });
    return collected;
  } finally {
    collecting = false;
  }
}

function collectInto(index: number): number {
  const { head: young, stats } = generations[index]!;
  if (index < 2) generations[index + 1]!.count++;
  for (let i = 0; i <= index; i++) generations[i]!.count = 0;
  for (let i = 0; i < index; i++) merge(generations[i]!.head, young);

  const garbage = unreachable(young);
  const older = generations[Math.min(index + 1, 2)]!.head;
  if (index === 1) longLivedPending += lengthOf(young);
  if (index < 2) merge(young, older);
  else {
    longLived = lengthOf(young);
    longLivedPending = 0;
  }

  const collected = sweep(garbage);
  // What a finalizer brought back to life is old now.
  merge(garbage, older);
  stats.collections++;
  stats.collected += collected;
  return collected;
}

/** Splits a ring: what is not referred to from outside of it, however far around, is moved out and given back. */
function unreachable(young: Links): Links {
  each(young, copyCount);
  each(young, subtractReferences);
  const garbage = ring();
  // From the newest to the oldest: graphs lead from new to old, so most of what is reached is marked before it is examined, and stays where it is.
  // What is reached later on is moved back to the front of the ring, and so examined again.
  const reach = (c: Container): void => {
    if (c.gcRefs < 0) return;
    if (c.gcRefs === TENTATIVE) {
      moveToFront(c, young);
      c.gcRefs = 1;
    } else if (c.gcRefs === 0) c.gcRefs = 1;
  };
  for (let x = young.gcPrevious!; x !== young; ) {
    const c = x as Container;
    if (c.gcRefs > 0) {
      c.traverse(reach);
      x = c.gcPrevious!;
      c.gcRefs = -1;
    } else {
      x = c.gcPrevious!;
      move(c, garbage);
      c.gcRefs = TENTATIVE;
    }
  }
  each(garbage, forgetCount);
  return garbage;
}

/** Of what has been moved out for now: it may still be reached. */
const TENTATIVE = Number.POSITIVE_INFINITY;
const copyCount = (c: Container): void => {
  c.gcRefs = c.refs;
};
const forgetCount = (c: Container): void => {
  c.gcRefs = -1;
};
const subtract = (c: Container): void => {
  if (c.gcRefs > 0) c.gcRefs--;
};
const subtractReferences = (c: Container): void => c.traverse(subtract);

function sweep(garbage: Links): number {
  const list = listOf(garbage);
  // Held while cycles are broken, so that each is freed once.
  for (const c of list) c.refs++;
  for (const c of list) c.clear();
  for (const c of list) c.decref();
  return list.length;
}

// ---- what `torch.memory.gc` shows

/** The thresholds of the three generations. */
export const getThreshold = (): readonly [number, number, number] => [
  generations[0].threshold,
  generations[1].threshold,
  generations[2].threshold,
];
export function setThreshold(first: number, second?: number, third?: number): void {
  generations[0].threshold = first;
  if (second !== undefined) generations[1].threshold = second;
  if (third !== undefined) generations[2].threshold = third;
}
export const getCount = (): readonly [number, number, number] => [generations[0].count, generations[1].count, generations[2].count];
/** What each generation's collections did so far. */
export interface GcStats {
  readonly collections: number;
  readonly collected: number;
  readonly uncollectable: number;
}
export const getStats = (): readonly GcStats[] => generations.map(({ stats }) => ({ ...stats }));
export const isEnabled = (): boolean => enabled;
export function setEnabled(on: boolean): void {
  enabled = on;
}
/** The tracked containers of a generation, or of all. */
export function tracked(index?: number): Container[] {
  const rings = index === undefined ? generations : [generations[index]!];
  return rings.flatMap(({ head }) => listOf(head));
}
/** Moves all that is tracked to where no collection looks, and back. */
export function freeze(): void {
  for (const g of generations) {
    merge(g.head, permanent);
    g.count = 0;
  }
}
export const unfreeze = (): void => merge(permanent, generations[2].head);
export const frozenCount = (): number => lengthOf(permanent);
