import * as control from "./control.ts";

/** How long a worker without work looks out for some before it sleeps, in milliseconds. */
export const SPIN_MS = 1;

const { SEQUENCE, SLEEPERS, READY, LIMIT, PENDING, WAITING, QUEUES, SLOTS, STRIDE, FAILURE, MAX_TEXT } = control;
const { JOB_FUNCTION, JOB_ARGUMENTS, JOB_WORDS, JOB_SPREAD, JOB_THREADS, JOB_SCRATCH } = control;

/**
 * What a worker runs, as text: bundlers need no second file for it, and nothing that a compiler adds to functions gets into it. A worker
 * hears of everything through the shared memory, modules included, because while it sleeps there no message reaches it.
 *
 * Note [Claims]. A queue holds how many chunks are unclaimed; who subtracts 1 from a number above 0 has claimed one, and only then reads
 * what the job is. So a worker that comes late, when another job has begun, claims a chunk of that one, as it should; and a job cannot end
 * while anybody holds a chunk of it. Between jobs all queues are at 0 or below.
 */
export const program: string = `"use strict";
function takePart(memory, slot) {
  const me = ${SLOTS} + ${STRIDE} * slot;
  let words = new Int32Array(memory.buffer);
  const reach = (end) => {
    if (end > words.byteLength) words = new Int32Array(memory.buffer);
  };
  const functions = new Map();
  const functionAt = (address) => {
    let f = functions.get(address);
    if (f === undefined) {
      reach(address + 8);
      const size = words[address >>> 2];
      const nameSize = words[(address >>> 2) + 1];
      const start = address + 8;
      reach(start + nameSize + size);
      const bytes = new Uint8Array(words.buffer, start, nameSize + size).slice();
      const name = String.fromCharCode(...bytes.subarray(0, nameSize));
      const module = new WebAssembly.Module(bytes.subarray(nameSize));
      f = new WebAssembly.Instance(module, { env: { memory } }).exports[name];
      functions.set(address, f);
    }
    return f;
  };
  const fail = (error) => {
    if (Atomics.compareExchange(words, ${FAILURE}, 0, 1) !== 0) return;
    const text = (String(error && error.name) + "\\n" + String(error && error.message)).slice(0, ${MAX_TEXT});
    for (let k = 0; k < text.length; k++) words[${FAILURE + 2} + k] = text.charCodeAt(k);
    words[${FAILURE + 1}] = text.length;
  };
  const run = (chunk) => {
    try {
      const f = functionAt(words[${JOB_FUNCTION}] >>> 0);
      const size = words[${JOB_WORDS}];
      const at = words[${JOB_ARGUMENTS}] + chunk * size;
      if (words[${JOB_SPREAD}] === 1) f(...words.subarray(at, at + size));
      else {
        const scratch = words[${JOB_SCRATCH}];
        for (let k = 0; k < scratch; k++) words[at + words[${JOB_SCRATCH + 1} + 2 * k]] = words[me + 1] + words[${JOB_SCRATCH + 2} + 2 * k];
        f(at << 2);
      }
    } catch (error) {
      fail(error);
    }
    if (Atomics.sub(words, ${PENDING}, 1) === 1 && Atomics.load(words, ${WAITING}) === 1) Atomics.notify(words, ${PENDING});
  };
  const work = () => {
    const threads = Atomics.load(words, ${JOB_THREADS});
    for (let k = 0; k < threads; k++) {
      const queue = ${QUEUES} + ${STRIDE} * ((slot + 1 + k) % threads);
      while (Atomics.load(words, queue) > 0) {
        functionAt(words[${JOB_FUNCTION}] >>> 0);
        const left = Atomics.sub(words, queue, 1);
        if (left > 0) run(words[queue + 1] - left);
      }
    }
  };
  const leaves = () => {
    if (slot < Atomics.load(words, ${LIMIT})) return false;
    Atomics.sub(words, ${READY}, 1);
    Atomics.store(words, me, ${control.EMPTY});
    // Wanted again meanwhile, and nobody else was started for it?
    if (slot >= Atomics.load(words, ${LIMIT})) return true;
    if (Atomics.compareExchange(words, me, ${control.EMPTY}, ${control.TAKING_PART}) !== ${control.EMPTY}) return true;
    Atomics.add(words, ${READY}, 1);
    return false;
  };
  const pause = typeof Atomics.pause === "function" ? Atomics.pause : () => {};
  const changed = (sequence) => {
    const end = performance.now() + ${SPIN_MS};
    do {
      for (let k = 0; k < 64; k++) {
        if (Atomics.load(words, ${SEQUENCE}) !== sequence) return true;
        pause();
      }
    } while (performance.now() < end);
    return false;
  };
  Atomics.store(words, me, ${control.TAKING_PART});
  Atomics.add(words, ${READY}, 1);
  try {
    while (!leaves()) {
      const sequence = Atomics.load(words, ${SEQUENCE});
      work();
      if (changed(sequence)) continue;
      Atomics.add(words, ${SLEEPERS}, 1);
      Atomics.store(words, me + ${control.ASLEEP}, 1);
      Atomics.wait(words, ${SEQUENCE}, sequence);
      if (Atomics.exchange(words, me + ${control.ASLEEP}, 0) === 1) Atomics.sub(words, ${SLEEPERS}, 1);
    }
  } catch {
    // No chunk is held here: a function could not be compiled. The others do the work.
    Atomics.sub(words, ${READY}, 1);
    Atomics.store(words, me, ${control.BROKEN});
  }
}
const node = globalThis.process && process.getBuiltinModule && process.getBuiltinModule("node:worker_threads");
if (node) takePart(node.workerData.memory, node.workerData.slot);
else
  globalThis.onmessage = ({ data }) => {
    takePart(data.memory, data.slot);
    close();
  };
`;
