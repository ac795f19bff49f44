/** Of the types of tfjs, what the bench uses. */
export interface T {
  readonly shape: number[];
  data(): Promise<Float32Array>;
  dataSync(): Float32Array;
  dispose(): void;
  add(x: T | number): T;
  sub(x: T | number): T;
  mul(x: T | number): T;
  div(x: T | number): T;
  square(): T;
  sqrt(): T;
  rsqrt(): T;
  sin(): T;
  tanh(): T;
  exp(): T;
  erf(): T;
  relu(): T;
  sigmoid(): T;
  sum(axis?: number): T;
  mean(axis?: number, keepDims?: boolean): T;
  softmax(axis?: number): T;
  reshape(shape: readonly number[]): T;
  transpose(permutation?: readonly number[]): T;
  matMul(x: T, transposeA?: boolean, transposeB?: boolean): T;
  toFloat(): T;
}
export interface Variable extends T {
  readonly name: string;
  assign(x: T): void;
}
export interface Optimizer {
  minimize(f: () => T, cost: true): T;
  applyGradients(gradients: Record<string, T>): void;
}
export interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor(values: Float32Array, shape: readonly number[]): T;
  variable(x: T, trainable: boolean): Variable;
  tidy<R extends T | T[]>(f: () => R): R;
  keep(x: T): T;
  valueAndGrads(f: (...xs: T[]) => T): (xs: T[], dy?: T) => { value: T; grads: T[] };
  variableGrads(f: () => T): { value: T; grads: Record<string, T> };
  conv2d(x: T, filter: T, strides: number, padding: number | "same" | "valid"): T;
  maxPool(x: T, filter: number, strides: number, padding: "valid"): T;
  split(x: T, parts: number, axis: number): T[];
  gather(x: T, indices: T): T;
  losses: { softmaxCrossEntropy(labels: T, logits: T): T; meanSquaredError(labels: T, predictions: T): T };
  train: { sgd(lr: number): Optimizer; adam(lr: number, beta1: number, beta2: number, eps: number): Optimizer };
}
