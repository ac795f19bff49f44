import { beforeAll, describe, expect, test } from "vitest";
import * as torch from "../../src/index.ts";

beforeAll(() => torch.webgpu.start());

describe("the device", () => {
  test("has a name, limits and figures", async () => {
    expect(await torch.webgpu.isAvailable()).toBe(true);
    expect(await torch.webgpu.whyNot()).toBeNull();
    expect(torch.webgpu.deviceName()).not.toBe("");
    expect(torch.webgpu.limits().maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 1024 * 1024);
    expect(String(torch.device("webgpu"))).toBe("webgpu");
    const allocated = torch.webgpu.memory.stats()["allocated_bytes.all.current"];
    const x = torch.zeros([1000], { device: "webgpu" });
    expect(torch.webgpu.memory.stats()["allocated_bytes.all.current"] - allocated).toBe(4096);
    x.dispose();
    expect(torch.webgpu.memory.stats()["allocated_bytes.all.current"]).toBe(allocated);
  });

  test("synchronize waits, and raises what is left to raise", async () => {
    const x = torch.arange(3, { dtype: torch.float32, device: "webgpu" });
    await torch.webgpu.synchronize();
    x.indexSelect(0, torch.tensor([5n], { device: "webgpu" }));
    await expect(torch.webgpu.synchronize()).rejects.toThrow(/out of range|out of bounds/);
    await torch.webgpu.synchronize();
  });

  test("mixed devices are refused in PyTorch's words", () => {
    const x = torch.ones([2], { device: "webgpu" });
    expect(() => x.add(torch.ones([2]))).toThrow(
      "Expected all tensors to be on the same device, but found at least two devices, webgpu and cpu!",
    );
  });

  test("is the default where it is set", async () => {
    torch.setDefaultDevice("webgpu");
    try {
      const x = torch.ones(2, 2);
      expect(x.device.type).toBe("webgpu");
      expect(await x.matmul(x).tolist()).toEqual([
        [2, 2],
        [2, 2],
      ]);
    } finally {
      torch.setDefaultDevice("cpu");
    }
  });

  test("more memory than a buffer can have is refused, and nothing else is harmed", async () => {
    const x = torch.ones([4], { device: "webgpu" });
    const most = torch.webgpu.limits().maxBufferSize;
    expect(() => torch.empty([most / 4 + 1], { device: "webgpu" })).toThrow(torch.OutOfMemoryError);
    expect(await x.add(1).tolist()).toEqual([2, 2, 2, 2]);
  });

  test("empty tensors and tensors without dimensions work", async () => {
    const empty = torch.zeros([0, 3], { device: "webgpu" });
    expect(await empty.add(1).tolist()).toEqual([]);
    expect(await empty.sum(0).tolist()).toEqual([0, 0, 0]);
    expect(await torch.tensor(2, { device: "webgpu" }).mul(3).item()).toBe(6);
    expect(await empty.t().matmul(empty).tolist()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });
});

// Last: the device is lost here, and started anew.
test("a device that is lost says so, and starts anew", async () => {
  const x = torch.ones([3], { device: "webgpu" });
  const onCpu = torch.ones([3]);
  torch.webgpu.gpuDevice().destroy();
  await torch.webgpu.gpuDevice().lost;
  await expect(x.tolist()).rejects.toThrow(/device 'webgpu' was lost .* Tensors on it are gone/);
  expect(() => torch.ones([100_000], { device: "webgpu" })).toThrow(/was lost/);
  const y = await onCpu.to("webgpu");
  expect(await y.add(1).tolist()).toEqual([2, 2, 2]);
  expect(await onCpu.tolist()).toEqual([1, 1, 1]);
  expect(() => x.add(y)).toThrow(torch.DeviceError);
});
