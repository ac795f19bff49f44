// Packs the package, installs it into an empty folder, and uses it there as a stranger would: Node, tsc, and a Vite bundle for the browser.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "torchlet-package-"));
const run = (command, args, cwd = folder) => execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const bin = (name) => join(root, "node_modules/.bin", name);
const check = (condition, message) => {
  if (!condition) throw new Error(message);
};

try {
  const tarball = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder], root))[0];
  const names = tarball.files.map((f) => f.path);
  check(names.includes("dist/index.js") && names.includes("dist/index.d.ts"), "the package lacks its entry");
  check(!names.some((n) => n.startsWith("test/") || n.startsWith("src/")), "the package carries tests or sources");

  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "stranger", type: "module", private: true }));
  run("npm", ["install", "--no-audit", "--no-fund", join(folder, tarball.filename)]);
  cpSync(join(root, "test/package"), folder, { recursive: true });

  const printed = run(process.execPath, ["use.mjs"]);
  check(printed.trim() === "tensor([[2., 4.],\n        [6., 8.]])", `Node printed ${printed}`);
  const called = run(process.execPath, ["names.mjs"]);
  check(called.trim() === '["Mine(in_features=2, out_features=3, bias=True)"]', `classes are called ${called}`);
  run(bin("tsc"), ["-p", "tsconfig.json"]);

  run(bin("vite"), ["build", "--logLevel", "warn"]);
  const assets = join(folder, "dist/assets");
  const bundle = readdirSync(assets)
    .filter((n) => n.endsWith(".js"))
    .map((n) => ({ name: n, text: readFileSync(join(assets, n)) }));
  const code = bundle.map(({ text }) => text).join("\n");
  check(!/require\(|from\s*["']node:/.test(code), "the bundle imports a Node built-in");
  check(!code.includes("in_features"), "the bundle of a program without modules has them");
  const sizes = bundle.map(({ name, text }) => `${name} ${text.length} bytes, ${gzipSync(text).length} gzipped`);
  check(bundle.length > 1, "the bundle has WebGPU among what a page loads at first");
  console.log(`package ${tarball.size} bytes, ${tarball.entryCount} files; browser bundle: ${sizes.join("; ")}`);
  check(statSync(join(folder, "node_modules/torchlet/dist/index.js")).isFile(), "not installed");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
