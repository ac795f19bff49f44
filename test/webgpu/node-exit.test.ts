import { describe, expect, it } from "vitest";
import { type Ended, helpers, imports, runScript } from "./child.ts";

const without = process.env["TORCHLET_NO_WEBGPU"] === "1";

/** Runs a script that has opened `device` as the library does. */
const run = (code: string): Promise<Ended> => runScript(`${imports}${helpers}\nconst device = await open();\n${code}`);

/** Work of half a second and more on a software GPU, of which a process that ends at once has done next to nothing. */
const LONG = "workOn(device, 400, 2)";
const compiling = `for (let i = 0; i < 8; i++) device.createComputePipelineAsync(describePipeline(device, 100 + i)).catch(() => {});`;

describe.skipIf(without)("a script that used the GPU ends by itself", () => {
  it.each([
    ["with the device alive", "workOn(device); console.log('end');", "end"],
    ["after a read", "console.log(await read(workOn(device)));", "2"],
    [
      "with a mapped buffer",
      "const b = workOn(device); await b.mapAsync(MAP_READ); globalThis.range = b.getMappedRange(); console.log('end');",
      "end",
    ],
    ["after a read that nobody awaits", "read(workOn(device)).then((x) => console.log(x)); console.log('end');", "end\n2"],
    ["after long work and a read that nobody awaits", `read(${LONG}).then((x) => console.log(x));`, "2"],
    ["with onSubmittedWorkDone pending", "workOn(device); device.queue.onSubmittedWorkDone().then(() => console.log('done'));", "done"],
    ["with pipelines being compiled", `${compiling} console.log('end');`, "end"],
    ["with device.lost watched", "workOn(device); device.lost.then(() => {}); console.log('end');", "end"],
    ["with an encoder open", "globalThis.pass = device.createCommandEncoder().beginComputePass(); console.log('end');", "end"],
    ["after destroying the device", "workOn(device); device.destroy(); console.log((await device.lost).reason);", "destroyed"],
    ["with two devices", "globalThis.other = await open(); workOn(device); workOn(other); console.log('end');", "end"],
    ["with work in 'beforeExit'", "process.once('beforeExit', async () => console.log(await read(workOn(device))));", "2"],
  ])("%s", async (_, code, stdout) => {
    expect(await run(code)).toMatchObject({ status: 0, signal: null, stdout: `${stdout}\n` });
  });

  it("with its own exit code", async () => {
    expect(await run("workOn(device); process.exitCode = 4;")).toMatchObject({ status: 4, signal: null });
  });

  it("though it waits for the device to be lost: Node's status for a wait without end", async () => {
    expect(await run("workOn(device); await device.lost;")).toMatchObject({ status: 13, signal: null });
  });
});

describe.skipIf(without)("a script that fails ends with status 1 and its message", () => {
  const boom = "throw new Error('boom');";
  it.each([
    ["thrown", `workOn(device); ${boom}`],
    ["thrown while a read is pending", `read(${LONG}); ${boom}`],
    ["thrown while pipelines are compiled", `${compiling} ${boom}`],
    ["thrown in a timer", `workOn(device); setTimeout(() => { ${boom} }, 5);`],
    ["an unhandled rejection", "workOn(device); Promise.reject(new Error('boom')); await new Promise((r) => setTimeout(r, 1000));"],
    ["an unhandled rejection while a read is pending", `read(${LONG}); Promise.reject(new Error('boom'));`],
  ])("%s", async (_, code) => {
    const ended = await run(code);
    expect(ended).toMatchObject({ status: 1, signal: null });
    expect(ended.stderr).toContain("Error: boom");
  });
});

describe.skipIf(without)("process.exit(3) gives status 3", () => {
  it.each([
    ["with the device alive", "workOn(device);"],
    ["while the GPU works and a read is pending", `read(${LONG});`],
    ["while pipelines are compiled", compiling],
    ["after destroying the device", "device.destroy();"],
    ["in a timer", "read(workOn(device)); await new Promise((r) => setTimeout(r, 50));"],
  ])("%s", async (_, code) => {
    expect(await run(`${code} process.exit(3);`)).toMatchObject({ status: 3, signal: null });
  });
});

describe("endWithProcess", () => {
  const fake = `
    const fake = (name) => {
      let lose;
      return { lost: new Promise((resolve) => { lose = resolve; }), lose: () => lose(), destroy: () => console.log("destroyed", name) };
    };`;

  it("destroys the devices that are left at the exit, each once", async () => {
    const ended = await runScript(`${imports}${fake}
      const [a, b, c] = ["a", "b", "c"].map(fake);
      for (const device of [a, b, b, c]) endWithProcess(device);
      a.lose();
      process.on("beforeExit", () => console.log("beforeExit"));`);
    expect(ended).toMatchObject({ status: 0, stdout: "beforeExit\ndestroyed b\ndestroyed c\n" });
  });

  it("does nothing where there is no process", async () => {
    const ended = await runScript(`${imports}${fake}
      const { process } = globalThis;
      globalThis.process = undefined;
      endWithProcess(fake("a"));
      globalThis.process = process;
      console.log(process.listenerCount("exit"));`);
    const before = await runScript(`${imports} console.log(process.listenerCount("exit"));`);
    expect(ended).toMatchObject({ status: 0, stdout: before.stdout });
  });
});

describe.skipIf(without)("collecting garbage", () => {
  it("takes neither the GPU object nor a device that is in use", async () => {
    const ended = await runScript(`${imports}${helpers}
      const result = await (async () => workOn(await open()))();
      await collect();
      console.log(await read(result));`);
    expect(ended).toMatchObject({ status: 0, signal: null, stdout: "2\n" });
  });

  it("would otherwise end the process: Dawn's GPU object does not stay alive through its devices", async () => {
    const ended = await runScript(`${helpers}
      const { create } = await import("webgpu");
      const device = await (async () => (await create([]).requestAdapter()).requestDevice())();
      console.log("opened");
      await collect();
      console.log(await read(workOn(device)));`);
    expect(ended).toMatchObject({ status: null, stdout: "opened\n" }); // ended by a signal: SIGSEGV, SIGABRT, or SIGKILL where it hangs
  });
});

describe.skipIf(without)("a Worker thread", () => {
  /** Runs the code in a Worker and prints how that ended. */
  const inWorker = (code: string): Promise<Ended> =>
    runScript(
      `import { Worker } from "node:worker_threads";
       const worker = new Worker(new URL("worker.mjs", import.meta.url));
       worker.on("message", (m) => console.log("message", m));
       worker.on("error", (e) => console.log("error", e.message));
       worker.on("exit", (status) => console.log("exit", status));`,
      {
        files: {
          "worker.mjs": `import { parentPort } from "node:worker_threads"; ${imports}${helpers}\nconst device = await open();\n${code}`,
        },
      },
    );

  it.each([
    ["computes and ends", "parentPort.postMessage(await read(workOn(device)));", "message 2\nexit 0"],
    ["ends with a read pending", `read(${LONG}).then((x) => parentPort.postMessage(x));`, "message 2\nexit 0"],
    ["fails while the GPU works", `${LONG}; throw new Error("boom");`, "error boom\nexit 1"],
    ["exits while the GPU works", `${LONG}; process.exit(3);`, "exit 3"],
  ])("%s", async (_, code, stdout) => {
    expect(await inWorker(code)).toMatchObject({ status: 0, signal: null, stdout: `${stdout}\n` });
  });

  it("ends the process where it fails with a read pending: Dawn aborts on a promise that is never settled", async () => {
    const ended = await inWorker(`read(${LONG}).catch(() => {}); throw new Error("boom");`);
    expect(ended.signal).toBe("SIGABRT");
  });
});

describe.skipIf(without)("uploads from shared memory", () => {
  const upload = (source: string, how = "device.queue.writeBuffer(buffer, 0, source);"): Promise<Ended> =>
    run(`
      const size = 65536;
      const source = ${source};
      source.fill(2);
      const buffer = device.createBuffer({ size, usage: COPY_SRC | COPY_DST });
      console.log("before");
      ${how}
      const result = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, result, 0, size);
      device.queue.submit([encoder.finish()]);
      console.log(await read(result));`);
  const wasm = "new Float32Array(new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }).buffer)";

  it("work through a copy in unshared memory", async () => {
    const ended = await upload(wasm, "device.queue.writeBuffer(buffer, 0, new Float32Array(source));");
    expect(ended).toMatchObject({ status: 0, signal: null, stdout: "before\n2\n" });
  });

  it("work through a mapped range", async () => {
    const ended = await upload(
      wasm,
      `const staging = device.createBuffer({ size, usage: COPY_SRC, mappedAtCreation: true });
       new Float32Array(staging.getMappedRange()).set(source);
       staging.unmap();
       const e = device.createCommandEncoder();
       e.copyBufferToBuffer(staging, 0, buffer, 0, size);
       device.queue.submit([e.finish()]);`,
    );
    expect(ended).toMatchObject({ status: 0, signal: null, stdout: "before\n2\n" });
  });

  it.each([
    ["a SharedArrayBuffer", "new Float32Array(new SharedArrayBuffer(size))"],
    ["shared WebAssembly memory", wasm],
  ])("would end the process if writeBuffer were given a view of %s", async (_, source) => {
    const ended = await upload(source);
    expect(ended.stdout).toBe("before\n");
    expect(ended.signal).toBe("SIGSEGV");
  });
});
