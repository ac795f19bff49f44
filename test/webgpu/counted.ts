import * as torch from "../../src/index.ts";

const keys = ["submits", "dispatches", "pipelines", "bindGroups", "buffers", "bytesUp", "bytesDown"] as const;

/** What the device was asked to do by `body`. */
export async function counted(body: () => unknown): Promise<torch.webgpu.WebGpuStats> {
  const before = torch.webgpu.stats();
  await body();
  const after = torch.webgpu.stats();
  const spent = { ...after };
  for (const key of keys) spent[key] -= before[key];
  return spent;
}
