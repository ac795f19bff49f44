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
    title: "core and CPU backend, minified and compressed",
    unit: "B",
    targets: [{ column: "WASM", of: "itself", most: 60 * 1000 }],
    profile:
      "Of 540 KB before compression the CPU backend has 152 (its kernels are generated, for all dtypes and strides), the tensor with its methods 86, the ops with their gradients 75, errors in PyTorch's words, dtypes and printing 68, nn 41, memory 26, the rest 91.",
  },
];

/** What it costs to take a block from a warm free list and to give it back, with all figures kept. */
export const poolRows: readonly Row[] = [
  { ...common, group: "pool", name: "pool_64B", kind: "pool", title: "allocate and free 64 B", size: { bytes: 64 } },
  { ...common, group: "pool", name: "pool_4KB", kind: "pool", title: "allocate and free 4 KB", size: { bytes: 4096 } },
  { ...common, group: "pool", name: "pool_1MB", kind: "pool", title: "allocate and free 1 MB", size: { bytes: 1 << 20 } },
  { ...common, group: "pool", name: "pool_mixed", kind: "pool", title: "allocate and free a block of twelve sizes held at once" },
];
