export async function findGpu(): Promise<GPU> {
  const there = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (there !== undefined) return there;
  const name = "webgpu";
  const dawn = (await import(/* @vite-ignore */ name)) as { create(flags: string[]): GPU };
  return dawn.create([]);
}
export async function findAdapter(gpu: GPU): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw new Error("no adapter");
  return adapter;
}
