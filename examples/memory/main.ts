/** Writes a page that shows how memory works: `npm run memory:demo`. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { renderPage } from "./page.ts";
import { record } from "./record.ts";

const USAGE = `npm run memory:demo -- [file]

  Runs some programs, records what happens to memory, and writes a page about it, which any browser opens without a server.

  file      where the page goes (memory.html)
  --help    this text`;

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function readArguments(): { file: string; help: boolean } {
  try {
    const { values, positionals } = parseArgs({ options: { help: { type: "boolean", default: false } }, allowPositionals: true });
    if (positionals.length > 1) throw new Error(`One file, not ${positionals.length}: ${positionals.join(" ")}`);
    return { file: resolve(positionals[0] ?? "memory.html"), help: values.help };
  } catch (error) {
    return fail(`${(error as Error).message}\n\n${USAGE}`);
  }
}

const { file, help } = readArguments();
if (help) console.log(USAGE);
else {
  const recording = record();
  const page = await renderPage(recording);
  try {
    writeFileSync(file, page);
  } catch (error) {
    fail(`The page cannot be written: ${(error as Error).message}`);
  }
  const { training, generations } = recording;
  console.log(`${training.events.length} events of memory and ${generations.collections.length} collections: ${file}`);
}
