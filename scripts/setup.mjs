// Gets the system packages that the tests use beside npm's: Chromium, whose software GPU (SwiftShader) Node's WebGPU uses too where a
// machine has no GPU, the Vulkan loader, and OpenBLAS, without which products are only tested as WebAssembly computes them. Does nothing
// where they are installed. TORCHLET_NO_WEBGPU=1 leaves it all out.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ICD = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** The folders in which the dynamic linker looks. */
const libraries = () => {
  const multiarch = existsSync("/usr/lib") ? readdirSync("/usr/lib").filter((name) => name.includes("-linux-gnu")) : [];
  return ["/usr/local/lib", "/usr/lib", "/usr/lib64", ...multiarch.map((name) => join("/usr/lib", name))];
};

const hasLibrary = (file) => libraries().some((folder) => existsSync(join(folder, file)));

/** Debian's packages, each with whether what the tests use of it is here, and whether they can do without. */
const needed = [
  { name: "chromium", isHere: () => existsSync("/usr/bin/chromium") && existsSync(ICD) },
  { name: "libvulkan1", isHere: () => hasLibrary("libvulkan.so.1") },
  { name: "libopenblas0-pthread", isHere: () => hasLibrary("libopenblas.so.0"), optional: true },
];
const missing = () => needed.filter((p) => !p.isHere()).map((p) => p.name);
/** Those without which the tests cannot run. */
const required = (names) => names.filter((name) => !needed.some((p) => p.name === name && p.optional));

const has = (command) => spawnSync(command, ["--version"], { stdio: "ignore" }).error === undefined;

/** Runs a command as root. Its status, or why it did not run. */
function asRoot(command, ...args) {
  const root = process.getuid?.() === 0;
  const line = root ? [command, ...args] : ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", command, ...args];
  console.log(`> ${line.join(" ")}`);
  const { status, signal, error } = spawnSync(line[0], line.slice(1), {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (status === 0) return null;
  return `\`${line.join(" ")}\` ${error ? `did not run: ${error.message}` : signal ? `was ended by ${signal}` : `ended with status ${status}`}`;
}

/** Why the packages could not be installed, or null. */
function install(names) {
  if (process.getuid?.() !== 0 && !has("sudo")) return "this needs root: run it as root, or install sudo";
  // A list that is partly out of reach may still have the packages: what counts is whether they install.
  const update = asRoot("apt-get", "update");
  const failed = asRoot("apt-get", "install", "-y", "--no-install-recommends", ...names);
  if (failed !== null) return update === null ? failed : `${update}; ${failed}`;
  const still = missing();
  return still.length === 0 ? null : `apt-get installed ${names.join(" and ")}, but ${still.join(" and ")} is not where Debian puts it`;
}

/** The exit status: 0 where the tests can run, or where this script cannot tell. */
export function setup() {
  if (process.env["TORCHLET_NO_WEBGPU"] === "1") return 0;
  if (process.platform !== "linux" || !has("apt-get")) {
    console.log(
      process.platform === "linux"
        ? "Not a Debian system: the tests need Chromium (the environment variable CHROMIUM names it), the Vulkan loader (libvulkan.so.1), and " +
            "a GPU's Vulkan driver or Mesa's lavapipe. Install them with this system's package manager."
        : "The tests need Chrome or Chromium, which the environment variable CHROMIUM names, and a GPU.",
    );
    return 0;
  }
  const names = missing();
  if (names.length === 0) return 0;
  const failed = install(names);
  if (failed === null) return 0;
  const still = missing();
  if (still.length === 0) return 0;
  const wanting = required(still);
  if (wanting.length === 0) {
    console.log(`The tests run without ${still.join(" and ")}, which could not be installed: ${failed}.`);
    return 0;
  }
  console.error(
    `The tests need ${wanting.join(" and ")}, and installing failed: ${failed}.\n` +
      `Install by hand: apt-get update && apt-get install --no-install-recommends ${wanting.join(" ")}\n` +
      "Or leave the tests of WebGPU out: TORCHLET_NO_WEBGPU=1",
  );
  return 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(setup());
