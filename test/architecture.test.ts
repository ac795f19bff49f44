import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const src = fileURLToPath(new URL("../src", import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
const below = ["core", "kernel", "memory", "dispatch", "autograd", "ops", "tensor"];

/** What each folder may import at run time, beside itself. Type imports are free. */
const allowed: Record<string, readonly string[]> = {
  core: [],
  kernel: ["core"],
  memory: ["core"],
  backends: ["core", "kernel", "memory"],
  ops: ["core", "kernel"],
  dispatch: ["core", "kernel", "memory"],
  autograd: ["core", "memory"],
  tensor: below,
  nn: ["core", "autograd", "tensor"],
  optim: ["core", "autograd", "tensor"],
  data: ["core", "autograd", "tensor", "memory"],
  io: ["core", "tensor"],
  profiler: ["core", "memory", "dispatch", "autograd", "ops", "tensor", "optim"],
  utils: ["core", "memory", "dispatch"],
  compile: ["core", "kernel", "dispatch", "tensor"],
};

const folderOf = (file: string): string => file.split("/")[0]!;

/** Run-time imports of a file, as paths within src. */
function imports(file: string): string[] {
  const text = readFileSync(join(src, file), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
  const found: string[] = [];
  for (const m of text.matchAll(/(?:^|\n)\s*(?:import|export)\s+(type\s+)?([^;'"]*?from\s*)?["'](\.[^"']+)["']/g)) {
    const names = m[2]?.match(/\{([\s\S]*)\}/)?.[1];
    const onlyTypes = names
      ?.split(",")
      .filter((n) => n.trim() !== "")
      .every((n) => /^\s*type\s/.test(n));
    if (m[1] === undefined && !onlyTypes) found.push(relative(src, resolve(dirname(join(src, file)), m[3]!)));
  }
  return found;
}
const graph = new Map(files.map((f) => [f, imports(f)]));

describe("imports at run time", () => {
  it.each(files.filter((f) => f.includes("/")))("%s imports only what lies below", (file) => {
    const folder = folderOf(file);
    expect(allowed, `src/${folder} has a rule`).toHaveProperty(folder);
    for (const target of graph.get(file)!) {
      const to = folderOf(target);
      if (to !== folder) expect(allowed[folder], `${file} -> ${target}`).toContain(to);
      if (folder === "backends" && to === "backends") {
        const [, mine, theirs] = [0, file.split("/")[1]!, target.split("/")[1]!];
        expect(theirs === mine || theirs.endsWith(".ts"), `${file} -> ${target}: never another backend`).toBe(true);
      }
    }
  });

  it("has no cycles", () => {
    const state = new Map<string, "open" | "done">();
    const visit = (file: string, path: readonly string[]): void => {
      if (state.get(file) === "done") return;
      expect(state.get(file), [...path, file].join(" -> ")).toBeUndefined();
      state.set(file, "open");
      for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
      state.set(file, "done");
    };
    for (const file of files) visit(file, []);
  });

  it("names concrete backends only in the index and in their own namespaces", () => {
    for (const [file, targets] of graph) {
      for (const t of targets)
        if (/^backends\/(cpu|webgpu|reference)\//.test(t) && folderOf(file) !== "backends")
          expect(["index.ts", "webgpu.ts"]).toContain(file);
    }
  });
});

it.each(files.filter((f) => /^(nn|optim)\//.test(f)))("%s knows nothing of devices' insides", (file) => {
  expect(readFileSync(join(src, file), "utf8")).not.toMatch(/wgsl|wasm|GPUBuffer|ArrayBuffer/i);
});

it.each(files)("%s imports no Node built-in", (file) => {
  expect(readFileSync(join(src, file), "utf8")).not.toMatch(/(?:from|import\()\s*["'](?:node:|fs|path|os|worker_threads)/);
});
