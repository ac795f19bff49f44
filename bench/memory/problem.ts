/** The same training in every library: an MLP of one hidden layer that tells clouds of points apart, SGD, batches in a fixed order. */
export const FEATURES = 8;
export const HIDDEN = 32;
export const CLASSES = 4;
export const POINTS = 512;
export const BATCH = 32;
export const LEARNING_RATE = 0.05;

export interface Problem {
  /** (POINTS, FEATURES) */
  readonly points: Float32Array;
  /** (POINTS) */
  readonly labels: Int32Array;
  /** (HIDDEN, FEATURES) and (CLASSES, HIDDEN); the biases start as zeros. */
  readonly weights: readonly [Float32Array, Float32Array];
}

/** Numbers from -1 up to 1. Source: the linear congruential generator of Numerical Recipes. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

export function problem(): Problem {
  const next = numbers(1);
  const some = (n: number, scale: number): Float32Array => Float32Array.from({ length: n }, () => scale * next());
  const centres = some(CLASSES * FEATURES, 2);
  const labels = Int32Array.from({ length: POINTS }, (_, i) => i % CLASSES);
  const points = some(POINTS * FEATURES, 1.5).map((x, i) => x + centres[labels[Math.floor(i / FEATURES)]! * FEATURES + (i % FEATURES)]!);
  return { points, labels, weights: [some(HIDDEN * FEATURES, FEATURES ** -0.5), some(CLASSES * HIDDEN, HIDDEN ** -0.5)] };
}

/** One row of ones and zeros for each label. */
export const oneHot = (labels: Int32Array): Float32Array =>
  Float32Array.from({ length: labels.length * CLASSES }, (_, i) => (labels[Math.floor(i / CLASSES)] === i % CLASSES ? 1 : 0));
