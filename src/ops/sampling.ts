import { bernoulliElement } from "../core/errors.ts";
import { broadcastShapes } from "../core/layout.ts";
import type { RandomSource } from "../kernel/kernel.ts";
import { type Rule, rule, type Tensor } from "./define.ts";

/** Random draws do not depend on their parameters as far as gradients go: these are zero, as PyTorch has it. */
const zeros = (_: unknown, [g]: readonly (Tensor | null)[], needs: readonly boolean[]): (Tensor | null)[] =>
  needs.map((n) => (n ? g!.newZeros(g!.shape) : null));

/** Normal numbers around the elements of a tensor, of a standard deviation that is a number or a tensor. */
export const _normalAround: Rule<(std: number | Tensor, generator: RandomSource) => Tensor> = rule({
  params: ["std", "generator"],
  node: "NormalBackward2",
  run: (k, mean: Tensor, std: number | Tensor, generator: RandomSource) => {
    const shape = typeof std === "number" ? mean.shape : (broadcastShapes(mean.shape, std.shape) as number[]);
    const z = k.empty(shape, mean.dtype, mean.device);
    k.random("normal", z, generator, [0, typeof std === "number" ? std : 1]);
    return typeof std === "number" ? z.add_(mean) : z.mul_(std).add_(mean);
  },
  grad: zeros,
});
/** Normal numbers around one mean, of the standard deviations that a tensor gives. */
export const _normalSpread: Rule<(mean: number, generator: RandomSource) => Tensor> = rule({
  params: ["mean", "generator"],
  node: "NormalBackward1",
  run: (k, std: Tensor, mean: number, generator: RandomSource) => {
    const z = k.empty(std.shape, std.dtype, std.device);
    k.random("normal", z, generator, [0, 1]);
    return z.mul_(std).add_(mean);
  },
  grad: zeros,
});
/** 1 with the probability that each element gives, else 0. */
export const _bernoulliOf: Rule<(generator: RandomSource) => Tensor> = rule({
  params: ["generator"],
  node: "BernoulliBackward0",
  run: (k, p: Tensor, generator: RandomSource) => {
    // Not by `lt` and `gt`: NaN is no probability either.
    k.raiseWhere(p.ge(0).logicalAnd(p.le(1)).logicalNot(), bernoulliElement);
    return k.bernoulli(p.contiguous(), generator);
  },
  grad: zeros,
});
