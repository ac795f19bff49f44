import { defaults, type Row } from "./row.ts";

const common = { ...defaults, group: "package", inputs: [], calls: 0 } as const;

/** What a program pays before it computes. */
export const packageRows: readonly Row[] = [
  {
    ...common,
    name: "start",
    kind: "start",
    title: "import to first gradient, in a fresh process",
    targets: [{ column: "WASM", of: "itself", most: 0.06 }],
    profile:
      "24 ms go into parsing 750 KB, at a rate that neither white space nor any one file changes, 10 into running the modules, 20 into the first three kernels, whose generators run for the first time. With NODE_COMPILE_CACHE it is 44 ms in Node 24.",
  },
  {
    ...common,
    name: "gzip",
    kind: "size",
    title: "a program with tensors and gradients on the CPU, as a bundler leaves it, minified and compressed",
    size: { program: 1 },
    unit: "B",
    targets: [{ column: "WASM", of: "itself", most: 60 * 1000 }],
    profile:
      "Of 394 KB before compression the CPU backend has 151 (it generates kernels for all dtypes and strides), the ops with their gradients 71, the tensor with its methods 63, errors in PyTorch's words, dtypes, random numbers and printing 54, memory 21, expressions 20, the rest 14.",
  },
  {
    ...common,
    name: "gzip_all",
    kind: "size",
    title: "the same of all exports, without what draws on a GPU",
    size: { program: 0 },
    unit: "B",
  },
];

/** What it costs to take a block from a warm free list and to give it back, with all figures kept. */
export const poolRows: readonly Row[] = [
  { ...common, group: "pool", name: "pool_64B", kind: "pool", title: "allocate and free 64 B", size: { bytes: 64 } },
  { ...common, group: "pool", name: "pool_4KB", kind: "pool", title: "allocate and free 4 KB", size: { bytes: 4096 } },
  { ...common, group: "pool", name: "pool_1MB", kind: "pool", title: "allocate and free 1 MB", size: { bytes: 1 << 20 } },
  { ...common, group: "pool", name: "pool_mixed", kind: "pool", title: "allocate and free a block of twelve sizes held at once" },
];
