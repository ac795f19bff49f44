import { GPU, type IKernelRunShortcut, Input } from "gpu.js";

/** gpu.js in the modes that run in this process, and why the others do not. */
export interface Peer {
  /** The table's columns. */
  readonly columns: readonly string[];
  readonly missing: Readonly<Record<string, string>>;
  gpu(column: string): GPU;
}

/** An argument of several dimensions in one piece: x first, then y, then z. */
export const grid = (values: Float32Array, size: [number, number] | [number, number, number]): Input =>
  // Typed arrays are taken, though the package's own types do not say so.
  new Input(values as ArrayLike<number> as number[], size);

/** A kernel from its source, which gpu.js translates. */
export function kernel(gpu: GPU, source: string, output: number[], constants: Record<string, number> = {}): IKernelRunShortcut {
  return gpu.createKernel(source, { output, constants });
}

const modes = ["webgpu", "webgl2", "webgl", "headlessgl", "webasm", "cpu"] as const;

const reasons: Partial<Record<(typeof modes)[number], string>> = {
  webgpu: "no navigator.gpu in Node",
  webgl2: "needs a canvas of a browser",
  webgl: "needs a canvas of a browser",
  headlessgl: "needs the optional native package gl, which is not installed or does not load",
};

export function startPeer(): Peer {
  const columns: string[] = [];
  const missing: Record<string, string> = {};
  const instances = new Map<string, GPU>();
  for (const mode of modes) {
    try {
      const gpu = new GPU({ mode });
      kernel(gpu, "function (a) { return a[this.thread.x]; }", [4])(new Float32Array(4));
      instances.set(`gpu.js ${mode}`, gpu);
      columns.push(`gpu.js ${mode}`);
    } catch (error) {
      missing[`gpu.js ${mode}`] = reasons[mode] ?? (error as Error).message;
    }
  }
  return { columns, missing, gpu: (column) => instances.get(column)! };
}
