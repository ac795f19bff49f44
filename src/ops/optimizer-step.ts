import type { ComputeType } from "../core/dtype.ts";
import { add, arg, div, type Expr, max, mul, neg, scalar, sqrt } from "../kernel/expr.ts";
import type { MapKernel } from "../kernel/kernel.ts";

/** What a step is computed of, element by element: the parameter, its gradient, what the optimizer remembers of it, and the step's numbers. */
export interface StepValues {
  readonly p: Expr;
  readonly g: Expr;
  readonly state: readonly Expr[];
  readonly number: (slot: number) => Expr;
}

/** The step of an optimizer for one parameter, as one kernel. */
export interface StepLoop {
  /** How many tensors of the state it reads. */
  readonly reads: number;
  /** The parameter's new value, then those of the state: with the roundings of the single operations, and in their order. */
  readonly f: (values: StepValues) => readonly Expr[];
  /** The kernels made so far, by the dtype's id. Inputs: the parameter, its gradient, the state. */
  readonly kernels: MapKernel[];
}

const stepLoop = (reads: number, f: StepLoop["f"]): StepLoop => ({ reads, f, kernels: [] });

/** The values that the inputs of a kernel give in a type of computation. */
export const stepValues = (loop: StepLoop, type: ComputeType): StepValues => ({
  p: arg(0, type),
  g: arg(1, type),
  state: Array.from({ length: loop.reads }, (_, k) => arg(2 + k, type)),
  number: (slot) => scalar(slot, type),
});

/** A loop for each combination of choices, made when first needed. */
function variants<C extends Readonly<Record<string, boolean>>>(
  names: readonly (keyof C)[],
  make: (choices: C) => StepLoop,
): (c: C) => StepLoop {
  const made: StepLoop[] = [];
  return (choices) => {
    let key = 0;
    for (let i = 0; i < names.length; i++) if (choices[names[i]!]) key |= 1 << i;
    const loop = made[key] ?? make({ ...choices });
    made[key] = loop;
    return loop;
  };
}

/** What `maximize` and the L2 penalty make of a gradient. */
const descended = (g: Expr, p: Expr, maximize: boolean, penalty: Expr | null): Expr => {
  const down = maximize ? neg(g) : g;
  return penalty === null ? down : add(down, mul(p, penalty));
};

/** Which of its parts a step of gradient descent has. `starts`: the velocity begins with this gradient. */
export interface DescentChoices extends Readonly<Record<string, boolean>> {
  readonly maximize: boolean;
  readonly decays: boolean;
  readonly momentum: boolean;
  readonly starts: boolean;
  readonly nesterov: boolean;
}

/**
 * Gradient descent; the state is the velocity. Numbers: the learning rate times -1, the factor of the L2 penalty, momentum, and the part of the gradient
 * that enters the velocity.
 */
export const descentStep: (choices: DescentChoices) => StepLoop = variants<DescentChoices>(
  ["maximize", "decays", "momentum", "starts", "nesterov"],
  ({ maximize, decays, momentum, starts, nesterov }) =>
    stepLoop(momentum && !starts ? 1 : 0, ({ p, g, state, number }) => {
      const [rate, penalty, factor, enters] = [number(0), number(1), number(2), number(3)];
      const down = descended(g, p, maximize, decays ? penalty : null);
      if (!momentum) return [add(p, mul(down, rate))];
      const velocity = starts ? down : add(mul(state[0]!, factor), mul(down, enters));
      const ahead = nesterov ? add(down, mul(velocity, factor)) : velocity;
      return [add(p, mul(ahead, rate)), velocity];
    }),
);

/** Which of its parts a step of Adam has. */
export interface AdamChoices extends Readonly<Record<string, boolean>> {
  readonly maximize: boolean;
  readonly decays: boolean;
  readonly amsgrad: boolean;
}

/**
 * Adam; the state is the averages of the gradient and of its square, and with `amsgrad` the greatest of the latter. Numbers: beta1, 1 - beta1, beta2,
 * 1 - beta2, the root of 1 - beta2^t, eps, the learning rate over 1 - beta1^t times -1, what the parameter is multiplied by first, and the factor of
 * the L2 penalty.
 */
export const adamStep: (choices: AdamChoices) => StepLoop = variants<AdamChoices>(
  ["maximize", "decays", "amsgrad"],
  ({ maximize, decays, amsgrad }) =>
    stepLoop(amsgrad ? 3 : 2, ({ p, g, state, number }) => {
      const [beta1, rest1, beta2, rest2] = [number(0), number(1), number(2), number(3)];
      const [root, eps, rate, factor] = [number(4), number(5), number(6), number(7)];
      const down = descended(g, p, maximize, decays ? number(8) : null);
      const mean = add(mul(state[0]!, beta1), mul(down, rest1));
      const square = add(mul(state[1]!, beta2), mul(mul(down, rest2), down));
      const greatest = amsgrad ? max(state[2]!, square) : square;
      const denominator = add(div(sqrt(greatest), root), eps);
      const next = add(mul(p, factor), div(mul(mean, rate), denominator));
      return amsgrad ? [next, mean, square, greatest] : [next, mean, square];
    }),
);
