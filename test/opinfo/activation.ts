import type * as table from "../../src/ops/activation.ts";
import { bool, call, floats, type InfosOf, integers, type Nd, numeric, t, unary } from "./info.ts";

const floatsOnly = (kernel: string) => ({ dtypes: floats, refuses: [[[...integers, bool], `"${kernel}" not implemented for '`]] }) as const;

export const activation: InfosOf<typeof table> = {
  relu: unary((x) => (x < 0 ? 0 : x), {
    dtypes: numeric,
    refuses: [[[bool], "Boolean inputs not supported for relu"]],
    keeps: ["result"],
    eitherZero: true,
  }),
  leakyRelu: {
    ...unary((x) => x, { ...floatsOnly("leaky_relu_cpu"), keeps: [0], more: [call(t([3, 4]), 0.2), call(t([17]), 2)] }),
    reference: (x: Nd, slope = 0.01) => x.map((v) => (v > 0 ? v : v * slope)),
  },
  silu: unary((x) => x / (1 + Math.exp(-x)), { ...floatsOnly("silu_cpu"), keeps: [0], ulp: 4, halfUlp: 2 }),
};
