import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";
import { expectAgreement } from "./agreement.ts";
import { folder } from "./folder.ts";
import { runOnDevice } from "./library.ts";

const corpus = folder(fileURLToPath(new URL("../golden", import.meta.url)));

const withGpu = process.env["TORCHLET_NO_WEBGPU"] !== "1";

describe.each(["cpu", "reference", ...(withGpu ? ["webgpu"] : [])])("the corpus on %s", (device) => {
  it("agrees with PyTorch but for the differences that are meant", { timeout: 600_000 }, async () => {
    // Training a convnet takes the interpreter a quarter of an hour; its kernels are compared with the CPU's one by one elsewhere.
    const match = device === "reference" ? /^(?!training\/)/ : null;
    expectAgreement(await runOnDevice(corpus, device, { section: null, match }, () => {}), match);
  });
});
