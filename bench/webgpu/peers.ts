/** Where the other libraries are found: among this project's packages, or in a folder beside them that nothing else uses. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root: string = fileURLToPath(new URL("../..", import.meta.url));
const folder: string = join(root, ".cache/peers");
/** tfjs alone is 290 MB of packages. */
const PACKAGES = "@jax-js/jax@0.1.25 @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-webgpu@4.22.0 webgpu-torch@0.3.5";
export const INSTALL: string = `npm install --prefix .cache/peers --ignore-scripts --no-save ${PACKAGES}`;

const placeOf = (name: string): string | null =>
  [join(root, "node_modules"), join(folder, "node_modules")].map((place) => join(place, name)).find((path) => existsSync(path)) ?? null;

export function versionOf(name: string): string {
  const place = placeOf(name);
  return place === null ? "missing" : (JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as { version: string }).version;
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
