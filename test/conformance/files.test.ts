import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { pack, packedFiles } from "./files.ts";
import { filesBelow, folder } from "./folder.ts";

const dir = fileURLToPath(new URL("../golden", import.meta.url));

describe("a packed corpus", () => {
  it("has the files of its folder, byte for byte", async () => {
    const files = filesBelow(dir);
    const packed = packedFiles(await new Blob(pack(files) as Uint8Array<ArrayBuffer>[]).arrayBuffer(), "packed");
    expect(files.size).toBeGreaterThan(1000);
    const inFolder = folder(dir);
    for (const path of files.keys()) {
      expect(Buffer.compare(Buffer.from(await packed.bytes(path)), Buffer.from(await inFolder.bytes(path))), path).toBe(0);
    }
    expect(await packed.text("manifest.json")).toBe(await inFolder.text("manifest.json"));
  });

  it("names a file that it lacks", async () => {
    const packed = packedFiles(await new Blob(pack(new Map()) as Uint8Array<ArrayBuffer>[]).arrayBuffer(), "empty");
    await expect(packed.text("a.json")).rejects.toThrow("empty has no a.json");
  });
});
