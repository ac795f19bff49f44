/** Of the types of jax-js, what the bench uses. Functions take their arguments away; `ref` keeps one. */
export interface Arr {
  readonly ref: Arr;
  dispose(): void;
  data(): Promise<Float32Array>;
  blockUntilReady(): Promise<Arr>;
}
type Unary = (x: Arr) => Arr;
type Binary = (a: Arr, b: Arr | number) => Arr;
type Reduction = (x: Arr, axis?: number | readonly number[], options?: { keepdims?: boolean }) => Arr;
export interface JaxJs {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): string;
  jit<A extends unknown[], R>(f: (...args: A) => R): (...args: A) => R;
  vjp(f: (...xs: Arr[]) => Arr, primals: readonly Arr[]): [Arr, ((g: Arr) => Arr[]) & { dispose?(): void }];
  valueAndGrad(f: (parameters: Arr[], ...data: Arr[]) => Arr): (parameters: Arr[], ...data: Arr[]) => [Arr, Arr[]];
  blockUntilReady<X>(x: X): Promise<X>;
  numpy: Record<"matmul" | "multiply" | "add" | "subtract" | "divide", Binary> &
    Record<"exp" | "tanh" | "sin" | "sqrt" | "square", Unary> &
    Record<"sum" | "max" | "mean", Reduction> & {
      array(values: Float32Array, options: { shape: readonly number[] }): Arr;
      onesLike(x: Arr): Arr;
      reshape(x: Arr, shape: readonly number[]): Arr;
      transpose(x: Arr, permutation?: readonly number[]): Arr;
      split(x: Arr, parts: number, axis: number): Arr[];
    };
  nn: Record<"relu" | "sigmoid", Unary> & {
    gelu(x: Arr, options: { approximate: boolean }): Arr;
    softmax(x: Arr, axis?: number): Arr;
    logSoftmax(x: Arr, axis?: number): Arr;
  };
  lax: { convGeneralDilated(x: Arr, w: Arr, strides: readonly number[], padding: readonly (readonly number[])[]): Arr };
}
