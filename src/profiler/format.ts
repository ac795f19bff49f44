/** Numbers as PyTorch's profiler writes them. */

const MILLISECOND = 1000;
const SECOND = 1000 * MILLISECOND;

/** A time given in microseconds: `12.000us`, `1.500ms`, `2.000s`. */
export function formatTime(us: number): string {
  if (us >= SECOND) return `${(us / SECOND).toFixed(3)}s`;
  return us >= MILLISECOND ? `${(us / MILLISECOND).toFixed(3)}ms` : `${us.toFixed(3)}us`;
}

/** A part of a whole in percent; `NaN` of nothing. */
export const formatShare = (part: number, whole: number): string => (whole === 0 ? "NaN" : `${((part * 100) / whole).toFixed(2)}%`);

const KB = 1024;
const units = [
  ["Gb", KB ** 3],
  ["Mb", KB ** 2],
  ["Kb", KB],
] as const;

/** Bytes: `64 b`, `-1.50 Kb`. */
export function formatMemory(bytes: number): string {
  for (const [unit, size] of units) if (Math.abs(bytes) >= size) return `${(bytes / size).toFixed(2)} ${unit}`;
  return `${bytes} b`;
}

/** Shapes as Python prints them: `[[4, 2], []]`. */
export const formatShapes = (shapes: readonly (readonly number[])[]): string => `[${shapes.map((s) => `[${s.join(", ")}]`).join(", ")}]`;
