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
export { allclose, equal, isTensor, numel, where } from "./functions.ts";
export { fromNdarray, type NdarrayParts, toNdarray } from "./ndarray.ts";
