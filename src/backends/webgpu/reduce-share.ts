import type { Operand } from "./bindings.ts";
import type { Context } from "./context.ts";
import type { Share, Sizes } from "./reduce-pass.ts";

/** How many invocations keep a CPU busy that plays a GPU: few, since each costs little by itself and a second dispatch adds up what they leave. */
const SOFTWARE_LANES = 128;
/** A chunk is not worth its part of a second dispatch with fewer elements: of one invocation on such a CPU, of one on a GPU. */
const SOFTWARE_CHUNK = 512;
const LANE_CHUNK = 32;
/** Invocations that keep a GPU busy where each combines elements of its own, and workgroups where all of one combine elements together. */
const GPU_LANES = 32768;
const GPU_GROUPS = 1024;
/** Up to so many elements are combined by one invocation on a GPU. */
const SHORT = 32;
const MAX_CHUNKS = 1024;

/** How to share out the combining of all elements in one dispatch. */
export function shareAll({ features, limits }: Context, { kept, elements }: Sizes): Share {
  const chunk = Math.max(1, elements);
  if (features.software) return { chunk, chunks: 1, lanes: 1, workgroup: kept >= 4096 ? 64 : 16 };
  if (elements <= SHORT) return { chunk, chunks: 1, lanes: 1, workgroup: 64 };
  const workgroup = Math.min(256, limits.maxComputeInvocationsPerWorkgroup);
  return { chunk, chunks: 1, lanes: elements <= 256 ? Math.min(32, workgroup) : workgroup, workgroup };
}

/** How to share out a reduction, in chunks where there are few kept elements. A tuple takes `bytes`. */
export function shareChunks(context: Context, inputs: readonly Operand[], sizes: Sizes, bytes: number): Share {
  const { kept, elements } = sizes;
  const all = shareAll(context, sizes);
  if (elements < 2 * LANE_CHUNK) return all;
  if (context.features.software) return cut(context, all, sizes, bytes, SOFTWARE_LANES / kept, SOFTWARE_CHUNK);
  if (neighboursAreKept(inputs, sizes)) {
    return cut(context, { ...all, lanes: 1, workgroup: 64 }, sizes, bytes, GPU_LANES / kept, LANE_CHUNK);
  }
  const rows = all.workgroup / all.lanes;
  return cut(context, all, sizes, bytes, (GPU_GROUPS * rows) / kept, 16 * all.lanes);
}

/** `wanted` chunks, if each gets at least `least` elements and their tuples are bound at once. */
function cut({ window }: Context, share: Share, { kept, elements }: Sizes, bytes: number, wanted: number, least: number): Share {
  const room = Math.floor(window / (kept * bytes));
  const most = Math.min(wanted, elements / least, MAX_CHUNKS, room);
  if (most < 2) return share;
  const chunk = Math.ceil(elements / Math.floor(most) / 16) * 16;
  return { ...share, chunk, chunks: Math.ceil(elements / chunk) };
}

/** Whether neighbours in memory are kept, and not combined with each other: then invocations side by side read side by side. */
function neighboursAreKept(inputs: readonly Operand[], { rank }: Sizes): boolean {
  const { shape, strides } = inputs[0]!.layout;
  let least = Number.POSITIVE_INFINITY;
  let kept = false;
  for (let d = 0; d < shape.length; d++) {
    const step = Math.abs(strides[d]!);
    if (shape[d] === 1 || step === 0 || step >= least) continue;
    least = step;
    kept = d < rank;
  }
  return kept;
}
