/**
 * PyTorch's overloads of ops that do not take a number in a tensor's place, in the notation of its error messages: a call that fits none of them
 * is answered with the list.
 */
export type Signatures = readonly string[];

const pair = (name: string): Signatures => [`Tensor input, Tensor ${name}, *, Tensor out`, `Tensor input, Number ${name}, *, Tensor out`];

/** A tensor first; then a tensor or a number. */
export const tensorFirst: Signatures = pair("other");
export const tensorFirstMin: Signatures = pair("min");
export const tensorFirstMax: Signatures = pair("max");
/** Also a number first, with a tensor second. */
export const numberFirst: Signatures = [
  "Tensor input, Tensor other, *, Tensor out",
  "Number self, Tensor other",
  "Tensor input, Number other, *, Tensor out",
];
export const power: Signatures = [
  "Tensor input, Tensor exponent, *, Tensor out",
  "Number self, Tensor exponent, *, Tensor out",
  "Tensor input, Number exponent, *, Tensor out",
];
export const reversed: Signatures = ["Tensor input, Tensor other, *, Number alpha", "Tensor input, Number other, Number alpha"];
export const extreme: Signatures = [
  "Tensor input",
  "Tensor input, Tensor other, *, Tensor out",
  "Tensor input, int dim, bool keepdim, *, tuple of Tensors out",
  "Tensor input, name dim, bool keepdim, *, tuple of Tensors out",
];
