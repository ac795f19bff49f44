import type { nn, Tensor } from "torchlet";

/** Hears of each step: the loss as it was read, and its tensor. */
export type OnStep = (value: number, loss: Tensor) => void;

/** Of an optimizer: what it remembers of each parameter. */
export interface OptimizerState {
  readonly state: ReadonlyMap<Tensor, object>;
}

/** What a loop goes on holding: modules and optimizers stand for all their tensors. */
export type Held = nn.Module | OptimizerState | Tensor | readonly Tensor[];

/** A model in training, as a tutorial writes it: nothing is disposed of, and no scope is opened. */
export interface Loop {
  /** Trains for a number of steps, from where the last call stopped. */
  train(steps: number, onStep: OnStep): Promise<void>;
  /** What stays alive between two calls of `train`, by name. */
  held(): Readonly<Record<string, Held>>;
  /** How well the model does its job; more is better. */
  score(): Promise<number>;
  /** The score that it has after 300 steps and keeps from then on. Untrained it has less. */
  readonly passing: number;
}
