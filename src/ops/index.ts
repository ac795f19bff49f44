/** Table 2: every op, by the name of its method. Names with a leading underscore are building blocks of others. */
export * from "./activation.ts";
export * from "./arithmetic.ts";
export * from "./comparison.ts";
export { _convolution, _convolutionInput, _convolutionWeight } from "./convolution.ts";
export * from "./copying.ts";
export { _crossEntropy, _crossEntropyGrad } from "./cross-entropy.ts";
export * from "./elementary.ts";
export { _embedding } from "./embedding.ts";
export { _index, _indexPut, gather, indexAdd, indexSelect, scatter, scatterAdd, take } from "./indexing.ts";
export { cat, chunk, repeat, split, stack, stackWith, unbind } from "./joining.ts";
export { _layerNorm, _layerNormInputGrad, _layerNormParameterGrads } from "./layer-norm.ts";
export * from "./matmul.ts";
export { _nllLoss, _nllLossSpread } from "./nll-loss.ts";
export { _vectorNorm } from "./norm.ts";
export {
  _batchNorm,
  _channelSum,
  _channelSums,
  _follow,
  _inverseDeviation,
  _normalized,
  _normalizedDot,
  _normalizedGrad,
  _normalizedShift,
  _normalizedSlope,
  _perChannel,
  _weightedScale,
} from "./normalization.ts";
export { pad } from "./padding.ts";
export { _maxPool, _maxPoolValues, _maxUnpool } from "./pooling.ts";
export {
  _maxAll,
  _maxDim,
  _minAll,
  _minDim,
  _moments,
  _var as var,
  all,
  amax,
  amin,
  any,
  argmax,
  argmin,
  max,
  mean,
  min,
  prod,
  std,
  sum,
  sumToSize,
} from "./reduction.ts";
export { _bernoulliOf, _normalAround, _normalSpread } from "./sampling.ts";
export * from "./scan.ts";
export { _attentionWeights, _logSoftmaxGrad, _softmaxGrad, logSoftmax, softmax } from "./softmax.ts";
export { _mseGradient, _mseLoss } from "./squared-error.ts";
export * from "./triangle.ts";
export * from "./view.ts";
