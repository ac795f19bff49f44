import type { WasmFunction } from "../engine.ts";
import { heap } from "../heap.ts";
import {
  ASLEEP,
  BROKEN,
  EMPTY,
  FAILURE,
  JOB_ARGUMENTS,
  JOB_FUNCTION,
  JOB_SCRATCH,
  JOB_SPREAD,
  JOB_THREADS,
  JOB_WORDS,
  LIMIT,
  MAX_SCRATCH,
  MAX_THREADS,
  PENDING,
  QUEUES,
  READY,
  SEQUENCE,
  SLEEPERS,
  SLOTS,
  STARTING,
  STRIDE,
  TAKING_PART,
  WAITING,
} from "./control.ts";
import { cores, hasThreads, maySleep, startWorker } from "./host.ts";
import { SPIN_MS } from "./program.ts";
import { share } from "./shared-function.ts";

/**
 * Costs are estimates in nanoseconds on one thread. Below `PARALLEL` nobody is asked; from there on workers take part that are awake, from
 * `WAKE` on those that sleep are woken, and from `START` on the first ones are started. See docs/design/threads.md for the figures.
 */
export const PARALLEL = 20_000;
const WAKE = 100_000;
const START = 100_000;
/**
 * Kernels between `PARALLEL` and `WAKE` that follow each other wake those that sleep when they have cost so much, and any such kernels start
 * the first ones when they have cost so much: about what it takes, so that at most as much again is lost where no more kernels follow.
 */
const WAKE_DEBT = 200_000;
const START_DEBT = 20_000_000;
/** A worker is worth starting for each so many nanoseconds of a kernel. */
const WORTH_A_WORKER = 40_000;

/** Words for the arguments of a job's chunks. */
const ARGUMENTS = 1 << 16;
/** How long the caller looks for the end of the last chunks before it sleeps, in milliseconds. */
const END_SPIN_MS = 0.1;

/**
 * Where another process wants the cores, a worker may lose its core in the middle of a chunk, and all wait. After a job whose end was waited
 * for longer than for so many chunks, and so many milliseconds, threads rest; twice as long each time, between these limits.
 */
const STALL_CHUNKS = 3;
const STALL_MS = 0.05;
const REST_MS = 1;
const MOST_REST_MS = 200;

/** Memory that each thread has for itself while it runs a chunk, and the fields of a record that point into it: pairs of word and offset. */
export interface Scratch {
  readonly bytes: number;
  readonly fields: readonly (readonly [word: number, offset: number])[];
}

/** Workers on the heap, and the job that they and the calling thread share. */
export class ThreadPool {
  #threads: number = 0;
  #supported: boolean | null = null;
  #sleeps = false;
  /** The first word of the chunks' arguments; 0 before the first worker is started. */
  #arguments = 0;
  readonly #started: symbol[] = [];
  readonly #scratch: { address: number; bytes: number }[] = [];
  #job = 0;
  /** How long threads rest after the next stall, and until when they rest now. */
  #rest = REST_MS;
  #restsUntil = 0;
  /** What kernels have cost that workers would have shared: since these sleep, in a row; and before there were any. */
  #wakeDebt = 0;
  #wakeAt = WAKE_DEBT;
  #startDebt = 0;
  /** When the last such kernel should have ended, in milliseconds. */
  #followsUntil = 0;

  /** How many threads kernels may use, the calling one included. */
  get threads(): number {
    if (this.#threads === 0) this.#threads = this.supported ? cores() : 1;
    return this.#threads;
  }
  set threads(n: number) {
    this.#threads = n;
    if (this.#arguments === 0) return;
    const workers = Math.min(n, MAX_THREADS) - 1;
    Atomics.store(heap.i32, LIMIT, workers);
    Atomics.add(heap.i32, SEQUENCE, 1);
    Atomics.notify(heap.i32, SEQUENCE);
  }

  /** Whether there can be workers at all. */
  get supported(): boolean {
    this.#supported ??= heap.type.shared === true && hasThreads();
    return this.#supported;
  }

  /** How many workers take part at this moment. */
  get ready(): number {
    return this.#arguments === 0 ? 0 : Atomics.load(heap.i32, READY);
  }

  /** How many threads a kernel of this cost gets if it is run now. Starts workers for later ones. */
  forCost(cost: number): number {
    const threads = Math.min(this.threads, MAX_THREADS);
    if (threads === 1 || cost < PARALLEL || !this.supported) return 1;
    if (cost >= START || this.#owesStart(cost)) this.#start(Math.min(threads - 1, Math.ceil(cost / WORTH_A_WORKER)));
    if (this.#arguments === 0 || (this.#restsUntil > 0 && this.#rests())) return 1;
    const ready = Atomics.load(heap.i32, READY);
    const sleepers = Atomics.load(heap.i32, SLEEPERS);
    if (cost >= WAKE || (sleepers > 0 && this.#owesWake(cost))) return Math.min(ready, threads - 1) + 1;
    return Math.max(0, Math.min(ready - sleepers, threads - 1)) + 1;
  }

  /** Whether kernels too cheap to start workers have cost enough by now. */
  #owesStart(cost: number): boolean {
    if (this.#arguments !== 0) return false;
    this.#startDebt += cost;
    return this.#startDebt >= START_DEBT;
  }

  /** Whether kernels too cheap to wake anybody follow each other so closely, and have for so long, that workers had better be awake. */
  #owesWake(cost: number): boolean {
    const now = performance.now();
    if (now > this.#followsUntil) {
      this.#wakeDebt = 0;
      this.#wakeAt = WAKE_DEBT;
    }
    this.#followsUntil = now + cost * 1e-6 + SPIN_MS;
    this.#wakeDebt += cost;
    if (this.#wakeDebt < this.#wakeAt) return false;
    // If the row goes on to be counted here, nobody has woken up: other processes have the cores.
    this.#wakeDebt = 0;
    this.#wakeAt *= 2;
    return true;
  }

  #rests(): boolean {
    if (performance.now() < this.#restsUntil) return true;
    this.#restsUntil = 0;
    return false;
  }

  /**
   * Makes a job of `chunks` calls of `f`, with `words` words of arguments each. Returns the index in `heap.i32` of the first chunk's
   * arguments, which the caller fills in before `run`; 0 where workers cannot run it, and nothing is to be done. With `scratch` the fields of
   * the records that it names are the calling thread's own when the caller has filled them in, and replaced where a worker runs the chunk.
   */
  begin(f: WasmFunction, chunks: number, words: number, scratch?: Scratch): number {
    if (chunks * words > ARGUMENTS) return 0;
    const address = share(f);
    if (address === 0 || (scratch !== undefined && !this.#provide(scratch.bytes))) return 0;
    const i32 = heap.i32;
    i32[JOB_FUNCTION] = address;
    i32[JOB_ARGUMENTS] = this.#arguments;
    i32[JOB_WORDS] = words;
    const fields = scratch?.fields ?? [];
    if (fields.length > MAX_SCRATCH) throw new Error(`${fields.length} fields are scratch memory`);
    i32[JOB_SCRATCH] = fields.length;
    for (let k = 0; k < fields.length; k++) {
      i32[JOB_SCRATCH + 1 + 2 * k] = fields[k]![0];
      i32[JOB_SCRATCH + 2 + 2 * k] = fields[k]![1];
    }
    this.#job = chunks;
    return this.#arguments;
  }

  /** Runs the job. `spread` says that a chunk's words are the parameters of `f`; else they are a record, of which it gets the address. */
  run(f: WasmFunction, threads: number, spread: boolean): void {
    const i32 = heap.i32;
    const chunks = this.#job;
    const began = performance.now();
    const words = i32[JOB_WORDS]!;
    i32[JOB_SPREAD] = spread ? 1 : 0;
    Atomics.store(i32, JOB_THREADS, threads);
    Atomics.store(i32, PENDING, chunks);
    for (let t = 0; t < threads; t++) {
      const end = Math.floor((chunks * (t + 1)) / threads);
      i32[QUEUES + STRIDE * t + 1] = end;
      Atomics.store(i32, QUEUES + STRIDE * t, end - Math.floor((chunks * t) / threads));
    }
    Atomics.add(i32, SEQUENCE, 1);
    if (Atomics.load(i32, SLEEPERS) > 0) Atomics.notify(i32, SEQUENCE, threads - 1);
    let failure: { error: unknown } | null = null;
    let own = 0;
    for (let t = 0; t < threads; t++) {
      const queue = QUEUES + STRIDE * t;
      while (Atomics.load(i32, queue) > 0) {
        const left = Atomics.sub(i32, queue, 1);
        if (left <= 0) break;
        const at = this.#arguments + (i32[queue + 1]! - left) * words;
        try {
          if (spread) f(...i32.subarray(at, at + words));
          else f(at << 2);
        } catch (error) {
          failure ??= { error };
        }
        Atomics.sub(i32, PENDING, 1);
        own++;
      }
    }
    if (Atomics.load(i32, PENDING) > 0) this.#wait(i32, began, own);
    else if (this.#rest > REST_MS) this.#rest /= 2;
    if (Atomics.load(i32, FAILURE) !== 0) failure ??= { error: errorOf(i32) };
    Atomics.store(i32, FAILURE, 0);
    if (failure !== null) throw failure.error;
  }

  /**
   * Waits for chunks that workers hold. They are being run: a chunk that nobody had claimed the caller has run itself. A thread that may not
   * sleep goes on looking, which takes as long as one chunk. The job began at `began`, and the caller has run `own` chunks of it.
   */
  #wait(i32: Int32Array, began: number, own: number): void {
    const start = performance.now();
    for (let spins = 1; Atomics.load(i32, PENDING) > 0; spins++) {
      if (!this.#sleeps || spins % 256 !== 0 || performance.now() < start + END_SPIN_MS) continue;
      Atomics.store(i32, WAITING, 1);
      const pending = Atomics.load(i32, PENDING);
      if (pending > 0) Atomics.wait(i32, PENDING, pending, 1000);
      Atomics.store(i32, WAITING, 0);
    }
    const end = performance.now();
    if (end - start > STALL_MS + (STALL_CHUNKS * (start - began)) / Math.max(own, 1)) {
      this.#restsUntil = end + this.#rest;
      this.#rest = Math.min(2 * this.#rest, MOST_REST_MS);
    } else if (this.#rest > REST_MS) this.#rest /= 2;
  }

  /** Starts workers until there are so many, or gives up. */
  #start(workers: number): void {
    if (this.#arguments === 0) {
      try {
        this.#arguments = heap.allocate(4 * ARGUMENTS).offset >>> 2;
      } catch {
        this.#supported = false;
        return;
      }
      this.#sleeps = maySleep(heap.i32, WAITING);
      Atomics.store(heap.i32, LIMIT, Math.min(this.threads, MAX_THREADS) - 1);
    }
    const i32 = heap.i32;
    for (let slot = 0; slot < workers; slot++) {
      const state = SLOTS + STRIDE * slot;
      if (Atomics.compareExchange(i32, state, EMPTY, STARTING) !== EMPTY) continue;
      const token = Symbol();
      this.#started[slot] = token;
      if (startWorker(heap.memory, slot, () => this.#ended(slot, token))) continue;
      Atomics.store(i32, state, BROKEN);
      this.#supported = false;
      return;
    }
  }

  /** A worker is gone: because it was to leave, or because it failed. Then its place stays empty, and the others do its work. */
  #ended(slot: number, token: symbol): void {
    if (this.#started[slot] !== token) return;
    const state = SLOTS + STRIDE * slot;
    if (Atomics.compareExchange(heap.i32, state, STARTING, BROKEN) === STARTING) return;
    if (Atomics.compareExchange(heap.i32, state, TAKING_PART, BROKEN) !== TAKING_PART) return;
    Atomics.sub(heap.i32, READY, 1);
    if (Atomics.exchange(heap.i32, state + ASLEEP, 0) === 1) Atomics.sub(heap.i32, SLEEPERS, 1);
  }

  /** Sees to it that every worker has so much scratch memory. Between jobs nobody uses it. */
  #provide(bytes: number): boolean {
    const workers = Math.min(this.threads, MAX_THREADS) - 1;
    for (let slot = 0; slot < workers; slot++) {
      const has = this.#scratch[slot];
      if (has !== undefined && has.bytes >= bytes) continue;
      if (Atomics.load(heap.i32, SLOTS + STRIDE * slot) === EMPTY) continue;
      try {
        const { offset } = heap.allocate(bytes);
        if (has !== undefined) heap.release({ buffer: heap, offset: has.address, size: has.bytes });
        this.#scratch[slot] = { address: offset, bytes };
        heap.i32[SLOTS + STRIDE * slot + 1] = offset;
      } catch {
        return false;
      }
    }
    return true;
  }
}

/** What a worker's chunk threw, as the same error here. */
function errorOf(i32: Int32Array): Error {
  const length = i32[FAILURE + 1]!;
  const text = String.fromCharCode(...i32.subarray(FAILURE + 2, FAILURE + 2 + length));
  const [name, ...message] = text.split("\n");
  const make = name === "RuntimeError" ? WebAssembly.RuntimeError : name === "RangeError" ? RangeError : Error;
  return new make(message.join("\n"));
}

/** The pool of this process. */
export const pool: ThreadPool = new ThreadPool();
