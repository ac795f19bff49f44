/** Runs scripts in processes of their own: what is tested here may end the process that it runs in. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, createLogger } from "vite";

/** How a process ended, and what it printed. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The longest that a script may take, in milliseconds. One that takes longer hangs, and is killed. */
const PATIENCE = 45_000;

/** What a bundler makes of the modules that load WebGPU, and what it warns of. */
export interface Bundle {
  readonly code: string;
  readonly warnings: readonly string[];
}

async function bundleModules(): Promise<Bundle> {
  const warnings: string[] = [];
  const keep = (text: string): void => void warnings.push(text);
  const built = await build({
    configFile: false,
    customLogger: { ...createLogger("silent"), warn: keep, warnOnce: keep, error: keep },
    esbuild: { keepNames: true },
    build: {
      write: false,
      target: "es2022",
      minify: "esbuild",
      lib: { entry: pathOf("loading.ts"), formats: ["es"], fileName: "library" },
    },
  });
  const [first] = Array.isArray(built) ? built : [built];
  if (first === undefined || !("output" in first) || first.output.length !== 1) throw new Error("expected one file");
  return { code: first.output[0].code, warnings };
}

let bundled: Promise<Bundle> | null = null;
/** The modules that load WebGPU in one file of JavaScript, which starts much faster than TypeScript, and in Worker threads too. */
export const bundle = (): Promise<Bundle> => (bundled ??= bundleModules());

/** Imports what the scripts test. */
export const imports: string = `import { endWithProcess, findAdapter, findGpu } from "./library.mjs";\n`;

/** Functions for scripts on a GPU: \`open\` and \`workOn\`. */
export const helpers: string = `
  const open = async () => {
    const adapter = await findAdapter(await findGpu());
    const device = await adapter.requestDevice();
    endWithProcess(device);
    return device;
  };
  const MAP_READ = 1, COPY_SRC = 4, COPY_DST = 8, STORAGE = 128;
  const shader = (loops) => \`
    @group(0) @binding(0) var<storage, read_write> a: array<f32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) i: vec3u) {
      var s = a[i.x];
      for (var k = 0u; k < \${loops}u; k++) { s = s * 0.5 + 1.0; }
      a[i.x] = s;
    }\`;
  const describePipeline = (device, loops) => ({ layout: "auto", compute: { module: device.createShaderModule({ code: shader(loops) }) } });
  /** Submits work of some size; returns a buffer that can be mapped and will hold its results, all of them 2. */
  const workOn = (device, loops = 100, times = 1) => {
    const size = 2 ** 20;
    const buffer = device.createBuffer({ size, usage: STORAGE | COPY_SRC });
    const result = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
    const pipeline = device.createComputePipeline(describePipeline(device, loops));
    const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer } }] });
    for (let i = 0; i < times; i++) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(size / 4 / 64);
      pass.end();
      encoder.copyBufferToBuffer(buffer, 0, result, 0, size);
      device.queue.submit([encoder.finish()]);
    }
    return result;
  };
  const read = async (buffer) => {
    await buffer.mapAsync(MAP_READ);
    const value = new Float32Array(buffer.getMappedRange())[5];
    buffer.unmap();
    return value;
  };
  const collect = async () => {
    for (let i = 0; i < 10; i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
`;

/**
 * Runs a module, in JavaScript.
 * @param files other files to put beside it, by path
 * @param outside whether to run it where the repository's packages are not found
 */
export async function runScript(
  code: string,
  { files = {}, env = {}, outside = false }: { files?: Readonly<Record<string, string>>; env?: NodeJS.ProcessEnv; outside?: boolean } = {},
): Promise<Ended> {
  const { code: library } = await bundle();
  const parent = outside ? tmpdir() : pathOf("../../.cache");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "torchlet-child-"));
  try {
    for (const [name, text] of Object.entries({ ...files, "library.mjs": library, "main.mjs": code })) {
      mkdirSync(join(folder, name, ".."), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const child = spawn(process.execPath, ["--expose-gc", "main.mjs"], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: PATIENCE,
      killSignal: "SIGKILL",
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    return await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status, signal) => resolve({ status, signal, stdout, stderr }));
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
