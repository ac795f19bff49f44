/** Datasets, the orders in which to take their samples, and loaders that make batches of them. */
export { type Collated, defaultCollate } from "./collate.ts";
export { DataLoader, type DataLoaderOptions } from "./data-loader.ts";
export {
  ChainDataset,
  ConcatDataset,
  Dataset,
  IterableDataset,
  type IterableSource,
  type MapSource,
  Subset,
  TensorDataset,
} from "./dataset.ts";
export { randomSplit } from "./random-split.ts";
export {
  BatchSampler,
  RandomSampler,
  type RandomSamplerOptions,
  Sampler,
  SequentialSampler,
  type Sized,
  SubsetRandomSampler,
  WeightedRandomSampler,
  type WeightedRandomSamplerOptions,
} from "./sampler.ts";
