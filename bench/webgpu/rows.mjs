// The rows of the table on WebGPU: what is computed, on which numbers, and what the result is in float64.

/** The same numbers in every process: a linear congruential generator, uniform in [low, high). */
export function numbers(n, seed, low = -1, high = 1) {
  const out = new Float32Array(n);
  let state = (seed * 2654435761) >>> 0;
  for (let i = 0; i < n; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = low + (high - low) * (state / 2 ** 32);
  }
  return out;
}

/** The product in float64, or only each `stride`-th row of it. */
function product(a, b, n, stride) {
  const rows = Math.ceil(n / stride);
  const out = new Float64Array(rows * n);
  for (let r = 0; r < rows; r++) {
    const row = out.subarray(r * n, (r + 1) * n);
    for (let k = 0; k < n; k++) {
      const x = a[r * stride * n + k];
      for (let j = 0; j < n; j++) row[j] += x * b[k * n + j];
    }
  }
  return out;
}

const everyNthRow = (values, n, stride) =>
  Float64Array.from({ length: Math.ceil(n / stride) * n }, (_, i) => values[Math.floor(i / n) * stride * n + (i % n)]);

/** Square matrix products. Of large ones each 16th row is compared. */
export function matmulRow(n) {
  const stride = n > 1024 ? 16 : 1;
  return {
    group: "matmul",
    name: `${n} x ${n}`,
    kind: "matmul",
    size: { n },
    flops: 2 * n ** 3,
    inputs: () => [numbers(n * n, 1), numbers(n * n, 2)],
    reference: ([a, b]) => product(a, b, n, stride),
    select: (values) => (stride === 1 ? values : everyNthRow(values, n, stride)),
    // Each of the n products and additions rounds; a worst case would be n times as much.
    tolerance: { absolute: 1e-6 * n, relative: 0 },
  };
}

export function pointwiseRow(n) {
  return {
    group: "memory",
    name: `x * y + z, ${n.toExponential(0).replace("+", "")}`,
    kind: "pointwise",
    size: { n },
    bytes: 16 * n,
    inputs: () => [numbers(n, 1), numbers(n, 2), numbers(n, 3)],
    reference: ([x, y, z]) => Float64Array.from(x, (v, i) => v * y[i] + z[i]),
    tolerance: { absolute: 3e-7, relative: 0 },
  };
}

export function sumRow(n) {
  return {
    group: "memory",
    name: `sum, ${n.toExponential(0).replace("+", "")}`,
    kind: "sum",
    size: { n },
    bytes: 4 * n,
    inputs: () => [numbers(n, 1, 0, 1)],
    reference: ([x]) => Float64Array.of(x.reduce((s, v) => s + v, 0)),
    tolerance: { absolute: 0, relative: 1e-5 },
  };
}

export function softmaxRow(rows, n) {
  return {
    group: "memory",
    name: `softmax, (${rows}, ${n})`,
    kind: "softmax",
    size: { rows, n },
    bytes: 8 * rows * n,
    inputs: () => [numbers(rows * n, 1, -4, 4)],
    reference: ([x]) => {
      const out = new Float64Array(rows * n);
      for (let r = 0; r < rows; r++) {
        let total = 0;
        for (let j = 0; j < n; j++) total += Math.exp(x[r * n + j]);
        for (let j = 0; j < n; j++) out[r * n + j] = Math.exp(x[r * n + j]) / total;
      }
      return out;
    },
    // WGSL's own exp is allowed errors that grow with its argument.
    tolerance: { absolute: 1e-9, relative: 1e-4 },
  };
}

/** Windows of 3 x 3 with a border of 1. */
export function convolutionRow(batch, from, size, to) {
  return {
    group: "convolution",
    name: `(${batch}, ${from}, ${size}, ${size}) to ${to}`,
    kind: "convolution",
    size: { batch, from, size, to },
    flops: 2 * batch * from * to * 9 * size * size,
    inputs: () => [numbers(batch * from * size * size, 1), numbers(to * from * 9, 2)],
    reference: ([x, w]) => {
      const out = new Float64Array(batch * to * size * size);
      const wide = size + 2;
      const padded = new Float64Array(batch * from * wide * wide);
      for (let p = 0; p < batch * from; p++) {
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < size; j++) padded[(p * wide + i + 1) * wide + j + 1] = x[(p * size + i) * size + j];
        }
      }
      let at = 0;
      for (let b = 0; b < batch; b++) {
        for (let m = 0; m < to; m++) {
          for (let i = 0; i < size; i++) {
            for (let j = 0; j < size; j++) {
              let s = 0;
              for (let c = 0; c < from; c++) {
                const base = ((b * from + c) * wide + i) * wide + j;
                const weight = (m * from + c) * 9;
                for (let u = 0; u < 3; u++) {
                  for (let v = 0; v < 3; v++) s += padded[base + u * wide + v] * w[weight + u * 3 + v];
                }
              }
              out[at++] = s;
            }
          }
        }
      }
      return out;
    },
    tolerance: { absolute: 1e-6 * from * 9, relative: 0 },
  };
}

/** The net of examples/mnist: shapes of its parameters, in their order. */
export const LENET = [[8, 1, 5, 5], [8], [16, 8, 5, 5], [16], [128, 256], [128], [10, 128], [10]];
export const TRAINING = { batch: 64, steps: 4, lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 };

/** One step of training with Adam. The result is the losses of the first steps; `reference` is computed by whoever has float64 and gradients. */
export function trainingRow(flops) {
  const { batch, steps } = TRAINING;
  return {
    group: "training",
    name: `LeNet on MNIST, step of ${batch} with Adam`,
    kind: "training",
    size: { batch, steps },
    flops,
    // Images, labels, then the parameters, all at the scale of their fan-in.
    inputs: () => [
      numbers(batch * 784, 1, 0, 1),
      numbers(batch, 2, 0, 10).map(Math.floor),
      ...LENET.map((shape, i) => {
        const n = shape.reduce((p, q) => p * q, 1);
        const weight = shape.length === 1 ? LENET[i - 1] : shape;
        const bound = 1 / Math.sqrt(weight.slice(1).reduce((p, q) => p * q, 1));
        return numbers(n, 3 + i, -bound, bound);
      }),
    ],
    reference: null,
    tolerance: { absolute: 1e-4, relative: 0 },
  };
}

/** A chain of additions of four elements, submitted at its end. */
export function chainRow(length = 1000) {
  return {
    group: "overhead",
    name: "one op, batched",
    kind: "chain",
    size: { length },
    kernels: 1,
    inputs: () => [numbers(4, 1), Float32Array.of(0.5, 0.25, 2, -1)],
    reference: ([x, y]) => {
      // float32 after each addition: a chain is exact in no other order.
      const z = Float32Array.from(x);
      for (let i = 0; i < length; i++) for (let j = 0; j < 4; j++) z[j] += y[j];
      return Float64Array.from(z);
    },
    tolerance: { absolute: 0, relative: 1e-6 },
  };
}

/** How far a result is from its reference: null where it is near enough, else a sentence. */
export function mistake(row, values, reference) {
  if (values.length !== reference.length) return `${values.length} values in place of ${reference.length}`;
  const { absolute, relative } = row.tolerance;
  for (let i = 0; i < reference.length; i++) {
    const error = Math.abs(values[i] - reference[i]);
    if (!(error <= absolute + relative * Math.abs(reference[i]))) return `element ${i} is ${values[i]}, not ${reference[i]}`;
  }
  return null;
}
