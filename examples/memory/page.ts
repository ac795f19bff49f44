/** Puts what was recorded and the page's script into one file. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import type { Recording } from "./recording.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const read = (name: string): string => readFileSync(`${folder}${name}`, "utf8");

/** The page's script with all that it imports. */
async function bundle(): Promise<string> {
  const built = await build({
    configFile: false,
    root: folder,
    publicDir: false,
    logLevel: "error",
    build: {
      write: false,
      minify: false,
      target: "es2022",
      lib: { entry: `${folder}view/main.ts`, formats: ["iife"], name: "page" },
    },
  });
  for (const result of Array.isArray(built) ? built : [built]) {
    if (!("output" in result)) continue;
    for (const file of result.output) if (file.type === "chunk") return file.code;
  }
  throw new Error("the page's script could not be built");
}

/** The page, which needs nothing besides itself. */
export async function renderPage(recording: Recording): Promise<string> {
  const parts: Readonly<Record<string, string>> = {
    "/* page.css */": read("page.css"),
    "/* tables.css */": read("tables.css"),
    "/* drawings.css */": read("drawings.css"),
    // What is between script tags ends at the first </script, wherever it stands.
    '"recording"\n': JSON.stringify(recording).replaceAll("<", "\\u003c"),
    "/* view */": (await bundle()).replaceAll("</script", "<\\/script"),
  };
  let page = read("page.html");
  for (const [place, text] of Object.entries(parts)) page = page.replace(place, () => text);
  return page;
}
