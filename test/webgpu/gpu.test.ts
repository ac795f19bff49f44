import { describe, expect, it } from "vitest";
import { bundle, type Ended, imports, runScript } from "./child.ts";

const without = process.env["TORCHLET_NO_WEBGPU"] === "1";

/** Prints the error that the code raises. */
const raised = (code: string): string => `${imports}
  const { process } = globalThis;
  const error = await (async () => { ${code} })().catch((e) => e);
  globalThis.process = process;
  console.log(error.name, "|", error.message);`;
const printed = ({ stdout }: Ended): string => stdout.trim();

describe("findGpu", () => {
  it("takes navigator.gpu where there is one", async () => {
    const ended = await runScript(`${imports}
      const gpu = {};
      Object.defineProperty(globalThis, "navigator", { value: { gpu } });
      console.log((await findGpu()) === gpu);`);
    expect(printed(ended)).toBe("true");
  });

  it.skipIf(without)("loads the package webgpu in Node, once, and sets no globals", async () => {
    const ended = await runScript(`${imports}
      const before = Object.getOwnPropertyNames(globalThis).length;
      const [a, b] = await Promise.all([findGpu(), findGpu()]);
      console.log(a === b, typeof a.requestAdapter, Object.getOwnPropertyNames(globalThis).length - before);`);
    expect(printed(ended)).toBe("true function 0");
  });

  it("says what to install where the package is missing", async () => {
    const ended = await runScript(raised("await findGpu();"), { outside: true });
    expect(printed(ended)).toMatch(/^DeviceError \| .*npm package webgpu, which is not installed: npm install webgpu$/);
  });

  it("says why where the package does not load", async () => {
    const files = {
      "node_modules/webgpu/package.json": '{ "name": "webgpu", "main": "index.mjs" }',
      "node_modules/webgpu/index.mjs": 'import "absent";',
    };
    const ended = await runScript(raised("await findGpu();"), { outside: true, files });
    expect(printed(ended)).toMatch(/^DeviceError \| .*webgpu does not load on this system \(Cannot find package 'absent'/);
  });

  it.each([
    ["on a page of its own", "", /this browser has no WebGPU/],
    ["on an insecure page", "globalThis.isSecureContext = false;", /only on pages that come from https/],
  ])("says so in a browser without WebGPU %s", async (_, code, message) => {
    const ended = await runScript(raised(`globalThis.process = undefined; ${code} await findGpu();`));
    expect(printed(ended)).toMatch(/^DeviceError \| /);
    expect(printed(ended)).toMatch(message);
  });

  it("leaves bundlers nothing to resolve and nothing to warn of", async () => {
    const { code, warnings } = await bundle();
    expect(warnings).toEqual([]);
    expect(code).not.toMatch(/dawn\.node|from\s*["']|import\(\s*(?:\/\*.*?\*\/\s*)*["'`]/);
  });
});

describe("findAdapter", () => {
  /** Prints which adapter is found where `requestAdapter` gives the adapter named by `answer(options)`, "real ..." or "software ...". */
  const found = async (answer: string): Promise<string> =>
    printed(
      await runScript(`${imports}
        const answer = ${answer};
        const requestAdapter = async (options) => {
          const name = answer(options ?? {});
          return name === null ? null : { name, info: { isFallbackAdapter: name.startsWith("software") } };
        };
        console.log(await findAdapter({ requestAdapter }).then((adapter) => adapter.name, (e) => e.name + " | " + e.message));`),
    );

  it.each([
    ["the fast one", '(o) => (o.powerPreference === "high-performance" ? "real fast" : "real slow")', "real fast"],
    ["a real one, though a software one comes first", '(o) => (o.powerPreference ? "software a" : "real b")', "real b"],
    ["a software one where there is no other", '() => "software a"', "software a"],
    ["one that is only given when it is forced", '(o) => (o.forceFallbackAdapter ? "software a" : null)', "software a"],
  ])("takes %s", async (_, answer, name) => {
    expect(await found(answer)).toBe(name);
  });

  it.skipIf(without || process.platform !== "linux")("says what to install where there is none", async () => {
    const ended = await runScript(raised("await findAdapter(await findGpu());"), {
      env: { VK_ICD_FILENAMES: "/nonexistent.json", VK_DRIVER_FILES: "/nonexistent.json" },
    });
    expect(printed(ended)).toMatch(/^DeviceError \| .*no adapter was found.*mesa-vulkan-drivers.*VK_ICD_FILENAMES/);
  });
});
