export { allclose, allcloseAsync, equal, equalAsync, type ToleranceOptions } from "./comparing.ts";
export {
  arange,
  asTensor,
  empty,
  emptyLike,
  eye,
  full,
  fullLike,
  linspace,
  ones,
  onesLike,
  type TensorOptions,
  tensor,
  zeros,
  zerosLike,
} from "./creation.ts";
export { isTensor, maskedSelect, maskedSelectAsync, nonzero, nonzeroAsync, numel, where, whereAsync } from "./functions.ts";
export { emptyNdarray, type FromNdarrayOptions, fromNdarray, type NdarrayParts, type NumpyOptions, toNdarray } from "./ndarray.ts";
