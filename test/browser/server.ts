/** Serves a folder to a browser. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, resolve, sep } from "node:path";

export interface ServeOptions {
  /** Whether pages are cross-origin isolated, so that they have SharedArrayBuffer (COOP same-origin, COEP require-corp). */
  readonly isolated?: boolean;
  /** Further folders, by the path under which they are served: `{ "/dist": "/path/of/dist" }`. */
  readonly mounts?: Readonly<Record<string, string>>;
}

export interface Server {
  /** Without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

const ISOLATION = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".wasm": "application/wasm",
};

/** Serves the files below `root` on a free port of this machine. `/` is `index.html`. */
export async function serve(root: string, { isolated = false, mounts = {} }: ServeOptions = {}): Promise<Server> {
  const folders = [...Object.entries(mounts), ["", root] as const];
  const server = createServer((request, response) => {
    response.setHeader("Cache-Control", "no-store");
    if (isolated) for (const [name, value] of Object.entries(ISOLATION)) response.setHeader(name, value);
    void answer(response, request.url ?? "/", folders);
  });
  await new Promise<void>((done, failed) => server.once("error", failed).listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function answer(response: ServerResponse, url: string, folders: readonly (readonly [string, string])[]): Promise<void> {
  const path = fileOf(url, folders);
  const file = path === null ? null : await stat(path).catch(() => null);
  if (path === null || !file?.isFile()) {
    // A page without an icon is no fault: browsers ask for one by themselves.
    response.writeHead(url === "/favicon.ico" ? 204 : 404).end();
    return;
  }
  response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream", "Content-Length": file.size });
  createReadStream(path).pipe(response);
}

/** The file that a URL names, or null where it would lie outside of the folder. */
function fileOf(url: string, folders: readonly (readonly [string, string])[]): string | null {
  let path: string;
  try {
    path = decodeURIComponent(url.replace(/[?#].*$/s, ""));
  } catch {
    return null;
  }
  if (path.endsWith("/")) path += "index.html";
  const [prefix, root] = folders.find(([place]) => path.startsWith(`${place}/`)) ?? ["", ""];
  const base = resolve(root);
  const file = resolve(base, `.${path.slice(prefix.length)}`);
  return root !== "" && file.startsWith(base + sep) ? file : null;
}
