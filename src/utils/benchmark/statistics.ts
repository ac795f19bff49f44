/** Small statistics and number formats of measurements. */

/** The value below which a share `q` of the sorted values lie, between two neighbours in proportion: what `torch.quantile` gives. */
export function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (at - low);
}

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The standard deviation of all there is, not of a sample. */
export function deviation(values: readonly number[]): number {
  const m = mean(values);
  return Math.sqrt(mean(values.map((v) => (v - m) ** 2)));
}

/** log10 in float32, as PyTorch takes it here: 10.000000000000002 has one leading digit less than float64 says. */
export const log10 = (x: number): number => Math.fround(Math.log10(Math.fround(x)));

export type TimeUnit = "ns" | "us" | "ms" | "s";
const units: Readonly<Record<number, TimeUnit>> = { [-3]: "ns", [-2]: "us", [-1]: "ms" };
const scales: Readonly<Record<TimeUnit, number>> = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1 };
const names: Readonly<Record<TimeUnit, string>> = { ns: "nanosecond", us: "microsecond", ms: "millisecond", s: "second" };

/** The unit in which a number of seconds reads well. */
export function selectUnit(seconds: number): { readonly unit: TimeUnit; readonly scale: number } {
  const unit = units[Math.floor(log10(seconds) / 3)] ?? "s";
  return { unit, scale: scales[unit] };
}
export const unitName = (unit: TimeUnit): string => names[unit];

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const part = x - floor;
  return part < 0.5 || (part === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** A number with `n` digits that count: 3.14159 with 2 is 3.1. */
export function trimSigfig(x: number, n: number): number {
  const scale = 10 ** (Math.ceil(log10(Math.abs(x))) - n);
  return roundHalfEven(x / scale) * scale;
}
