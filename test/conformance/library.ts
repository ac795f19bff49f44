/** The corpus on a device of this library, in Node and in a browser. */
import * as torch from "../../src/index.ts";
import { Api } from "./api.ts";
import { deviceDTypes, startDevice } from "./devices.ts";
import type { CorpusFiles } from "./files.ts";
import type { Report } from "./report.ts";
import { type OnCase, runCorpus, type Selection } from "./runner.ts";

/** Starts the device and runs what is selected on it. New tensors go to the CPU again afterwards. */
export async function runOnDevice(files: CorpusFiles, device: string, selection: Selection, onCase: OnCase): Promise<Report> {
  await startDevice(torch, device);
  try {
    return await runCorpus(files, new Api(torch, device), deviceDTypes(torch, device), selection, onCase);
  } finally {
    torch.setDefaultDevice("cpu");
  }
}
