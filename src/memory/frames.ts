import type { Frame } from "./block.ts";

/**
 * Note [Stacks]. The text of a stack is taken at once, not the Error: an Error keeps the functions and receivers on its stack alive, and a
 * recorder of memory must not change what lives. A loop makes the same few stacks over and over, so the frames of a text are parsed once
 * and shared.
 */
const DEPTH = 50;
const KNOWN = 10_000;

let tracing = false;
/** Whether `captureStack` takes stacks. */
export function setTracing(on: boolean): void {
  tracing = on;
  if (!on) known.clear();
}

const limited = Error as { stackTraceLimit?: number };
function currentStack(): string {
  const limit = limited.stackTraceLimit;
  if (limit === undefined) return new Error().stack ?? "";
  limited.stackTraceLimit = DEPTH;
  const stack = new Error().stack ?? "";
  limited.stackTraceLimit = limit;
  return stack;
}

/** The current stack as the engine writes it, or null unless history is recorded with its context. */
export const captureStack = (): string | null => (tracing ? currentStack() : null);

/** A path without what URLs put around it. */
function pathOf(location: string): string {
  if (!location.startsWith("file://")) return location;
  let path = location.slice("file://".length);
  try {
    path = decodeURIComponent(path);
  } catch {
    // A lone % in the name: it stays as it is.
  }
  return /^\/[A-Za-z]:\//.test(path) ? path.slice(1) : path;
}

/** One line of V8's form (`    at name (file:1:2)`), or of the form of other engines (`name@file:1:2`). Null where no file is named. */
function parseLine(text: string): Frame | null {
  const line = text.trim();
  const v8 = /^at (?:async )?(?:(.*?) \()?([^()\s].*?):(\d+):\d+\)?$/.exec(line);
  const found = v8 ?? /^(.*?)@(.+?):(\d+)(?::\d+)?$/.exec(line);
  if (found === null || found[2]!.startsWith("node:") || found[2]!.startsWith("<anonymous>")) return null;
  return { filename: pathOf(found[2]!), line: Number(found[3]), name: found[1] || "<anonymous>" };
}

const parse = (stack: string): Frame[] => stack.split("\n").flatMap((line) => parseLine(line) ?? []);

/** Which files are the library's: known from where the stack names this one, which works through source maps and bundlers alike. */
let ownFiles: ((filename: string) => boolean) | null = null;
function isOwn(filename: string): boolean {
  if (ownFiles === null) {
    const here = parse(currentStack())[0]?.filename ?? "";
    // The sources, or the package as it is published.
    const root = /^(.*\/)(?:memory\/frames\.ts|(?<=\/dist\/)library\.js)$/.exec(here)?.[1];
    ownFiles = root === undefined ? (file) => file === here : (file) => file.startsWith(root);
  }
  return ownFiles(filename);
}

const known = new Map<string, readonly Frame[]>();

/**
 * The frames of a stack, innermost first, without those of the library; all of them where there are no others, as in a bundle of everything
 * or in what the collector calls.
 */
export function framesOf(stack: string): readonly Frame[] {
  let frames = known.get(stack);
  if (frames === undefined) {
    const all = parse(stack);
    const user = all.filter((frame) => !isOwn(frame.filename));
    frames = user.length > 0 ? user : all;
    if (known.size >= KNOWN) known.clear();
    known.set(stack, frames);
  }
  return frames;
}

/**
 * Where in the user's code frames begin: `/home/me/train.ts:12`. Null where they do not say, or where that code and the library are one
 * file.
 */
export function placeOf(frames: readonly Frame[] | null): string | null {
  const frame = frames?.[0];
  return frame === undefined || isOwn(frame.filename) ? null : `${frame.filename}:${frame.line}`;
}

/** Where in the user's code a stack of `captureStack` was taken, likewise. */
export const userFrame = (stack: string | null): string | null => (stack === null ? null : placeOf(framesOf(stack)));
