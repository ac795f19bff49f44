/** torchlet and WGSL without a library, on one device of one process, so that they can be compared op by op. */
import * as torch from "torchlet";
import { LeNet } from "../../../examples/mnist/model.ts";
import { useSoftwareGpu } from "../../../test/support/webgpu-environment.ts";
import { versionOf } from "../../columns/peers.ts";
import { bareColumn } from "../bare.mjs";
import { torchletColumn } from "../torchlet.mjs";
import type { Column } from "./column.ts";

export async function start(): Promise<Record<string, Column>> {
  useSoftwareGpu();
  await torch.webgpu.start();
  const about = `${torch.webgpu.deviceName()}, Dawn of webgpu ${versionOf("webgpu")}`;
  return {
    torchlet: { about, ...torchletColumn(torch, LeNet) },
    "bare WGSL": { about, ...bareColumn(torch.webgpu.gpuDevice()) },
  };
}
