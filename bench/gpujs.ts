import { GPU } from "gpu.js";

/** gpu.js in the modes that run in this process, and why the others do not. */
export interface Peer {
  /** The table's columns. */
  readonly columns: readonly string[];
  readonly missing: Readonly<Record<string, string>>;
  gpu(column: string): GPU;
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
      gpu.createKernel("function (a) { return a[this.thread.x]; }").setOutput([4])(new Float32Array(4));
      instances.set(`gpu.js ${mode}`, gpu);
      columns.push(`gpu.js ${mode}`);
    } catch (error) {
      missing[`gpu.js ${mode}`] = reasons[mode] ?? (error as Error).message;
    }
  }
  return { columns, missing, gpu: (column) => instances.get(column)! };
}
