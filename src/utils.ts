/** PyTorch's `torch.utils`. */
export * as data from "./data/index.ts";
export * as benchmark from "./utils/benchmark/index.ts";
