import type { Scalar } from "../core/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Anything an op accepts where a tensor is expected. */
export type TensorLike = Tensor | Scalar | number | bigint | boolean;

// biome-ignore lint/suspicious/noExplicitAny: signatures of every shape
export type Signature = (...a: any[]) => unknown;

/**
 * An op: an entry of table 2. It is also the free function: `torch.sin(x)`. `Sig` is the signature of the method (without the tensor itself).
 * Calls go through `call`, which the tensor layer fills in when it attaches the table: entries know nothing of tensors at run time.
 */
export interface Op<Sig extends Signature = Signature> {
  (input: TensorLike, ...args: Parameters<Sig>): ReturnType<Sig>;
  readonly kind: string;
  /** The name in the table, filled in when the table is attached. */
  opName: string;
  /** A building block, not for users: its name in the table begins with an underscore. */
  internal: boolean;
  /** The call with the tensor first. */
  call: (...args: never[]) => unknown;
  /** Phantom: carries the type. */
  readonly signature?: Sig;
}

/** Makes an entry: a function that forwards to its own `call`, with the definition's fields on it. */
export function entry<E>(kind: string, definition: object): E {
  const op = (a?: never, b?: never, c?: never, d?: never, ...rest: never[]): unknown => {
    const f = (op as unknown as { call: (...args: unknown[]) => unknown }).call;
    // Without a spread for up to three arguments: this is the path of torch.add(x, y).
    if (rest.length > 0) return f(a, b, c, d, ...rest);
    return d !== undefined ? f(a, b, c, d) : c !== undefined ? f(a, b, c) : b !== undefined ? f(a, b) : f(a);
  };
  Object.assign(op, { kind, opName: "", internal: false, call: unattached }, definition);
  return op as unknown as E;
}

function unattached(): never {
  throw new Error("the table of ops is not attached: import the library through its index");
}

/** Methods of a table of ops: `sin(): Tensor`, and `sin_(): this` for those that can work in place. */
export type Methods<T> = {
  [K in keyof T as T[K] extends Entry ? (T[K] extends { readonly method: false } ? never : K) : never]: SignatureOf<T[K]>;
} & {
  [K in keyof T as T[K] extends { readonly inplace: true } ? `${K & string}_` : never]: SignatureOf<T[K]> extends (...a: infer A) => unknown
    ? (...a: A) => Tensor
    : never;
};
// Told apart by these fields alone: comparing call signatures would need the methods of Tensor, which are what is being made.
interface Entry {
  readonly kind: string;
  opName: string;
}
type SignatureOf<E> = E extends { readonly signature?: infer S } ? NonNullable<S> : never;
