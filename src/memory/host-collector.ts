/** The JavaScript engine's collector: how to have it run, and how to know that it has. */

interface Host {
  readonly gc?: () => void;
  readonly process?: { getBuiltinModule?: (name: string) => unknown };
  readonly setImmediate?: (f: () => void) => unknown;
}
const host = globalThis as Host;

/** Whether the host may have an entry to its collector; `entry` gets it. */
export const mayHaveEntry: boolean = host.gc !== undefined || host.process?.getBuiltinModule !== undefined;

let known: (() => void) | null | undefined;

/** The collector's entry, where the host has one: Node through its flags module, a browser started with `--expose-gc`. */
function entry(): (() => void) | null {
  if (known !== undefined) return known;
  known = host.gc ?? null;
  if (known !== null || !mayHaveEntry) return known;
  try {
    const v8 = host.process?.getBuiltinModule?.("node:v8") as { setFlagsFromString(flag: string): void };
    const vm = host.process?.getBuiltinModule?.("node:vm") as { runInNewContext(code: string): () => void };
    v8.setFlagsFromString("--expose-gc");
    known = vm.runInNewContext("gc");
  } catch {
    // A host that is like Node, but has another engine.
  }
  return known;
}

/**
 * Note [A collection in a plain page]. V8 collects all garbage before it says that it cannot make an ArrayBuffer. So asking for one for which a page
 * has no address space is a collection, at once and of everything, and nothing is allocated. Whether it has happened is seen by a sentinel.
 *
 * In Chromium 156 this took 8 to 20 ms in an empty page and 50 ms with the library and a model, where `gc()` takes 4: V8 goes over the heap
 * several times. 8 GB, which V8 does get, took 8 ms, but three in ten times dead objects stayed. So it is not how a page collects at every mark, but how
 * it does when V8 was late, or when the user asks.
 */
const TOO_MANY_BYTES = 2 ** 34;

function provoke(): void {
  try {
    new ArrayBuffer(TOO_MANY_BYTES);
  } catch {
    // As expected.
  }
}

const waiting: (() => void)[] = [];
let channel: MessageChannel | null = null;

/** Resolves after a macrotask, when finalizers have had their chance. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    if (host.setImmediate !== undefined) {
      host.setImmediate(resolve);
      return;
    }
    // Not a timer: those of pages wait for 4 ms when they follow each other.
    if (channel === null) {
      channel = new MessageChannel();
      channel.port1.onmessage = () => waiting.shift()?.();
    }
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });
}

/** Says whether a collection has found the object behind it dead. */
interface Sentinel {
  dead: boolean;
}
const deaths = new FinalizationRegistry<Sentinel>((sentinel) => {
  sentinel.dead = true;
});

/** A sentinel whose object nobody refers to. */
function newSentinel(): Sentinel {
  const sentinel = { dead: false };
  deaths.register({}, sentinel);
  return sentinel;
}

/**
 * How long finalizers may take to come, in milliseconds and at least in macrotasks, and how many collections in a row may go unseen before no more are
 * asked for.
 */
const PATIENCE = 50;
const TURNS = 20;
const TRIALS = 3;
let unseen = 0;

/** Collects garbage, and waits until finalizers have run. Gives whether that has been seen to happen. */
export async function collectGarbage(): Promise<boolean> {
  const run = entry() ?? (unseen < TRIALS ? provoke : null);
  if (run === null) {
    await macrotask();
    await macrotask();
    return false;
  }
  const sentinel = newSentinel();
  await macrotask(); // Frames and promises that are about to end have ended.
  run();
  const end = performance.now() + PATIENCE;
  for (let turn = 0; !sentinel.dead && (turn < TURNS || performance.now() < end); turn++) await macrotask();
  await macrotask(); // Other registries may have their turn in another task.
  unseen = sentinel.dead ? 0 : unseen + 1;
  return sentinel.dead;
}
