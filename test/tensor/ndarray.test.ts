import ndarray from "ndarray";
import { describe, expect, test, vi } from "vitest";
import { heap } from "../../src/backends/cpu/heap.ts";
import * as torch from "../../src/index.ts";

const values = async (x: torch.Tensor): Promise<unknown> => x.tolist();

describe("fromNdarray", () => {
  const a = ndarray(
    Float32Array.from({ length: 12 }, (_, i) => i),
    [3, 4],
  );
  test.each([
    [
      "whole",
      a,
      [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
      ],
    ],
    [
      "transposed",
      a.transpose(1, 0),
      [
        [0, 4, 8],
        [1, 5, 9],
        [2, 6, 10],
        [3, 7, 11],
      ],
    ],
    [
      "part",
      a.lo(1, 1).hi(2, 2),
      [
        [5, 6],
        [9, 10],
      ],
    ],
    [
      "stepped",
      a.step(2, 3),
      [
        [0, 3],
        [8, 11],
      ],
    ],
    [
      "backwards",
      a.step(-1, 1),
      [
        [8, 9, 10, 11],
        [4, 5, 6, 7],
        [0, 1, 2, 3],
      ],
    ],
    ["row", a.pick(1, null), [4, 5, 6, 7]],
    ["number", a.pick(1, 2), 6],
  ])("%s", async (_, array, expected) => {
    expect(await values(torch.fromNdarray(array))).toEqual(expected);
  });

  test("keeps the dtype, or converts", () => {
    expect(torch.fromNdarray(ndarray(new Int32Array(2))).dtype).toBe(torch.int32);
    expect(torch.fromNdarray(ndarray(new BigInt64Array(2))).dtype).toBe(torch.int64);
    expect(torch.fromNdarray(ndarray(new Uint8ClampedArray(2))).dtype).toBe(torch.uint8);
    expect(torch.fromNdarray(ndarray(new Float64Array(2)), { dtype: torch.float32 }).dtype).toBe(torch.float32);
    expect(() => torch.fromNdarray(ndarray([1, 2, 3]))).toThrow("the data of the ndarray must be a typed array");
  });

  test("copies what lies elsewhere", () => {
    const data = new Float32Array(2);
    const x = torch.fromNdarray(ndarray(data));
    data[0] = 5;
    x.at(1).fill_(7);
    expect([x.tolistSync(), Array.from(data)]).toEqual([
      [0, 7],
      [5, 0],
    ]);
  });
});

describe("toNdarray", () => {
  test("of a tensor in any layout, over the same memory", () => {
    const x = torch.arange(6).to(torch.float32).view(2, 3).t();
    const { data, shape, stride, offset } = torch.toNdarray<Float32Array>(x);
    const a = ndarray(data, shape, stride, offset);
    expect([a.shape, a.stride, a.get(2, 0), a.get(0, 1), a.dtype]).toEqual([[3, 2], [1, 3], 2, 3, "float32"]);
    a.set(0, 1, 9);
    expect(x.at(0, 1).itemSync()).toBe(9);
    x.at(2, 0).fill_(7);
    expect(a.get(2, 0)).toBe(7);
  });

  test("reaches from the first element to the last", () => {
    const x = torch.arange(12).to(torch.float32).view(3, 4);
    expect(x.at(1).numpy()).toEqual({ data: Float32Array.of(4, 5, 6, 7), shape: [4], stride: [1], offset: 0 });
    expect(x.at("1:", "1:4:2").numpy()).toEqual({ data: Float32Array.of(5, 6, 7, 8, 9, 10, 11), shape: [2, 2], stride: [4, 2], offset: 0 });
    expect(x.at("1:2").expand(5, 4).numpy().stride).toEqual([0, 1]);
  });

  test("of other dtypes, numbers and nothing", async () => {
    expect(torch.tensor([1n, 2n]).numpy().data).toEqual(BigInt64Array.of(1n, 2n));
    expect(torch.tensor([true, false]).numpy().data).toEqual(Uint8Array.of(1, 0));
    for (const type of [torch.uint8, torch.int8, torch.int16, torch.int32, torch.float64]) {
      const x = torch.tensor([1, 2], { dtype: type });
      expect(x.numpy().data).toEqual(x.toTypedArraySync());
    }
    expect(await torch.toNdarray(torch.tensor(2))).toEqual({ data: Float32Array.of(2), shape: [], stride: [], offset: 0 });
    const { data, shape } = torch.zeros(0, 3).numpy();
    expect([data.length, shape]).toEqual([0, [0, 3]]);
  });

  test("on the reference device", async () => {
    const x = await torch.tensor([1, 2]).to("reference");
    const { data } = torch.toNdarray<Float32Array>(x);
    data[0] = 5;
    expect(x.tolistSync()).toEqual([5, 2]);
  });

  test("refuses in PyTorch's words", async () => {
    const w = torch.ones(2, { requiresGrad: true });
    const needsGrad = "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.";
    expect(() => w.numpy()).toThrow(needsGrad);
    expect(() => w.mul(2).numpy()).toThrow(needsGrad);
    expect(w.detach().numpy().data).toEqual(Float32Array.of(1, 1));
    expect(torch.noGrad(() => w.numpy()).data).toEqual(Float32Array.of(1, 1));
    expect(w.numpy(true).data).toEqual(Float32Array.of(1, 1));
    expect(w.numpy({ force: true }).data).toEqual(Float32Array.of(1, 1));
    const b = torch.ones(2, { dtype: torch.bfloat16 });
    expect(() => b.numpy()).toThrow("Got unsupported ScalarType BFloat16");
    expect(() => b.requiresGrad_().numpy()).toThrow(needsGrad);
    const gone = torch.ones(2);
    gone.dispose();
    expect(() => gone.numpy()).toThrow(torch.DisposedError);
  });

  test.runIf(process.env["TORCHLET_NO_WEBGPU"] !== "1")("refuses a tensor of another device", async () => {
    await torch.webgpu.start();
    const x = (await torch.ones(2).to("webgpu")).requiresGrad_();
    expect(() => x.numpy()).toThrow(
      "can't convert webgpu device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.",
    );
    expect((await x.detach().cpu()).numpy().data).toEqual(Float32Array.of(1, 1));
  });

  test("float16 where the engine has a type for it", () => {
    const x = torch.tensor([1.5, -2], { dtype: torch.float16 });
    if ("Float16Array" in globalThis) {
      expect(Array.from(x.numpy().data as ArrayLike<number>)).toEqual([1.5, -2]);
      expect(torch.equal(torch.fromNdarray(x.numpy(), { copy: false }), x)).toBe(true);
    } else {
      expect(() => x.numpy()).toThrow(
        "Got unsupported ScalarType Half: this JavaScript engine has no Float16Array. Use tensor.float() first",
      );
    }
    expect(x.float().numpy().data).toEqual(Float32Array.of(1.5, -2));
  });

  test("refuses where the memory moves as it grows", () => {
    const x = torch.ones(2);
    const { backend } = torch.device("cpu");
    const hostMemory = vi.spyOn(backend, "hostMemory").mockReturnValue(null);
    try {
      expect(() => x.numpy()).toThrow("Use `await x.toTypedArray()` for a copy");
      const before = torch.memory.memoryAllocated();
      expect(() => torch.emptyNdarray([2])).toThrow("the memory of device 'cpu' moves when it grows");
      expect(torch.memory.memoryAllocated()).toBe(before);
    } finally {
      hostMemory.mockRestore();
    }
  });

  test("outlives growths of the memory", () => {
    const { data } = torch.arange(4).to(torch.float32).numpy();
    const { buffer } = heap;
    const large = torch.zeros(buffer.byteLength / 4);
    expect(heap.buffer).not.toBe(buffer);
    const x = torch.fromNdarray({ data, shape: [4], stride: [1], offset: 0 }, { copy: false });
    x.at(1).fill_(9);
    expect(data).toEqual(Float32Array.of(0, 9, 2, 3));
    large.dispose();
    torch.memory.emptyCache();
  });

  test("is counted by no version", () => {
    const x = torch.ones(2, { requiresGrad: true });
    const y = x.mul(1);
    const loss = y.square().sum();
    (y.detach().numpy().data as Float32Array)[0] = 5;
    loss.backward();
    expect([y.version, x.grad!.tolistSync()]).toEqual([0, [10, 2]]);
  });
});

describe("sharing back", () => {
  const shared = (a: torch.Tensor, b: torch.Tensor): boolean => a.untypedStorage() === b.untypedStorage();

  test("what was handed out is shared, also in part", () => {
    const x = torch.arange(12).to(torch.float32).view(3, 4);
    const y = torch.fromNdarray(x.t().numpy());
    expect([shared(x, y), y.shape, y.stride(), y.storageOffset()]).toEqual([true, [4, 3], [1, 4], 0]);
    const { data, shape, stride, offset } = x.at("1:").numpy();
    const a = ndarray(data as Float32Array, shape, stride, offset)
      .lo(1, 1)
      .step(1, 2);
    const z = torch.fromNdarray(a, { copy: false });
    expect([shared(x, z), z.storageOffset(), z.tolistSync()]).toEqual([true, 9, [[9, 11]]]);
    z.fill_(0);
    expect(x.at(2).tolistSync()).toEqual([8, 0, 10, 0]);
    const part = (data as Float32Array).subarray(1, -1);
    const w = torch.fromNdarray(ndarray(part));
    expect([part.length, shared(x, w), w.storageOffset()]).toEqual([6, true, 5]);
  });

  test("a bool stays one", () => {
    const x = torch.tensor([true, false]);
    const y = torch.fromNdarray(x.numpy(), { copy: false });
    expect([y.dtype, shared(x, y)]).toEqual([torch.bool, true]);
    expect(torch.fromNdarray(x.numpy(), { dtype: torch.uint8 }).tolistSync()).toEqual([1, 0]);
  });

  test("writes through a tensor are counted for all that share", () => {
    const x = torch.ones(2);
    torch.fromNdarray(x.numpy()).add_(1);
    expect([x.version, x.tolistSync()]).toEqual([1, [2, 2]]);
  });

  test("copy: true copies", () => {
    const x = torch.ones(2, 2);
    const y = torch.fromNdarray(x.t().numpy(), { copy: true, requiresGrad: true });
    expect([shared(x, y), y.requiresGrad, y.isContiguous()]).toEqual([false, true, true]);
  });

  test("copy: false raises where a copy is needed", () => {
    const ours = torch.ones(2).numpy();
    const no = { copy: false };
    expect(() => torch.fromNdarray(ndarray(new Float32Array(2)), no)).toThrow("can't alias arbitrary sequence into a tensor.");
    expect(() => torch.fromNdarray({ ...ours, data: ours.data.slice() }, no)).toThrow("can't alias arbitrary sequence into a tensor.");
    expect(() => torch.fromNdarray(ours, { ...no, dtype: torch.float64 })).toThrow(
      "can't alias tensor with dtype 'Float' into dtype 'Double'.",
    );
    expect(() => torch.fromNdarray(ours, { ...no, device: "reference" })).toThrow("can't alias tensor from device 'cpu' to 'reference'.");
    expect(torch.fromNdarray(ours, { dtype: torch.float64 }).tolistSync()).toEqual([1, 1]);
    expect(torch.fromNdarray(ours, { device: "reference" }).tolistSync()).toEqual([1, 1]);
  });

  test("negative strides are followed in a copy and refused otherwise", () => {
    const { data } = torch.arange(4).to(torch.float32).numpy();
    const backwards = { data, shape: [4], stride: [-1], offset: 3 };
    const words =
      "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently supported. " +
      "(You can probably work around this by making a copy of your array  with array.copy().) ";
    expect(() => torch.fromNdarray(backwards)).toThrow(words);
    expect(() => torch.fromNdarray(backwards, { copy: false })).toThrow(words);
    expect(torch.fromNdarray(backwards, { copy: true }).tolistSync()).toEqual([3, 2, 1, 0]);
    expect(torch.fromNdarray({ ...backwards, data: data.slice() }).tolistSync()).toEqual([3, 2, 1, 0]);
    expect(torch.fromNdarray({ ...backwards, shape: [0] }).shape).toEqual([0]);
  });

  test.each([
    ["too long", [5], [1], 0, "storage offset 0, and itemsize 4 requiring a storage size of 20 are out of bounds for storage of size 16"],
    [
      "too far",
      [2, 2],
      [2, 2],
      1,
      "setStorage: sizes [2, 2], strides [2, 2], storage offset 1, and itemsize 4 requiring a storage size of 24",
    ],
    ["before the start", [2], [-1], 0, "out of bounds"],
    ["half an element", [2], [0.5], 0, "out of bounds"],
    ["nowhere", [2], [1], Number.NaN, "out of bounds"],
    ["of two ranks", [2, 2], [1], 0, "mismatch in length of strides and shape"],
    ["negative", [-1], [1], 0, "Trying to create tensor with negative dimension -1: [-1]"],
  ])("elements outside of the data are refused: %s", (_, shape, stride, offset, words) => {
    const ours = torch.zeros(4).numpy().data;
    for (const data of [ours, ours.slice()]) expect(() => torch.fromNdarray({ data, shape, stride, offset })).toThrow(words);
  });
});

describe("emptyNdarray", () => {
  test("is filled by others and shared", () => {
    const a = torch.emptyNdarray<Float32Array>([2, 3]);
    expect([a.data.length, a.shape, a.stride, a.offset]).toEqual([6, [2, 3], [3, 1], 0]);
    for (let i = 0; i < 6; i++) a.data[i] = i;
    const x = torch.fromNdarray(a, { copy: false });
    a.data[0] = 10;
    expect(x.tolistSync()).toEqual([
      [10, 1, 2],
      [3, 4, 5],
    ]);
  });
  test("of a dtype", () => {
    expect(torch.fromNdarray(torch.emptyNdarray([0, 2], { dtype: torch.int64 }), { copy: false }).dtype).toBe(torch.int64);
    expect(torch.fromNdarray(torch.emptyNdarray([2], { dtype: torch.bool }), { copy: false }).tolistSync()).toEqual([false, false]);
    expect(() => torch.emptyNdarray([2], { dtype: torch.bfloat16 })).toThrow("Got unsupported ScalarType BFloat16");
    expect(() => torch.emptyNdarray([2, -1])).toThrow("Trying to create tensor with negative dimension -1: [2, -1]");
  });
});

describe("the typed array owns the memory", () => {
  const allocated = (): number => torch.memory.memoryAllocated("cpu");
  const settle = async (): Promise<number> => {
    await torch.memory.collect();
    return allocated();
  };
  const size = 4096;
  /** Takes, fills and gives back blocks of the same size, so that memory which was given back by mistake is overwritten. */
  const disturb = (): void => {
    for (const x of Array.from({ length: 8 }, () => torch.full([size], -1))) x.dispose();
  };

  interface Held {
    data: Float32Array | null;
  }
  /** In a function of its own: what a test has looked at would stay in its frame. */
  const allOnes = ({ data }: Held): boolean => data!.every((v) => v === 1);
  const allThrees = (make: () => torch.Tensor): boolean => {
    using x = make();
    disturb();
    using equal = x.eq(3).all();
    return equal.itemSync() === true;
  };

  test("after dispose(), and until the last array is dead", async () => {
    const before = await settle();
    const hold = (): Held => {
      const x = torch.ones(size);
      const { data } = x.numpy<Float32Array>();
      expect(x.untypedStorage().refs).toBe(2);
      x.dispose();
      return { data };
    };
    const held = hold();
    disturb();
    expect(allOnes(held)).toBe(true);
    expect((await settle()) - before).toBe(size * 4);
    disturb();
    expect(allOnes(held)).toBe(true);
    held.data = null;
    expect((await settle()) - before).toBe(0);
  });

  test("a subarray of it alone does, too, at any depth", async () => {
    const before = await settle();
    const hold = (): Held => {
      const { data } = torch.ones(size).numpy<Float32Array>();
      return { data: data.subarray(10).subarray(0, 5).subarray(1) };
    };
    const held = hold();
    expect((await settle()) - before).toBe(size * 4);
    disturb();
    expect(allOnes(held)).toBe(true);
    held.data = null;
    expect((await settle()) - before).toBe(0);
  });

  test("a tensor made of it does, and an array never filled", async () => {
    const before = await settle();
    const make = (): torch.Tensor => {
      torch.emptyNdarray([size]);
      const a = torch.emptyNdarray<Float32Array>([size]);
      a.data.fill(3);
      return torch.fromNdarray(a, { copy: false });
    };
    expect(allThrees(make)).toBe(true);
    expect((await settle()) - before).toBe(0);
  });

  test("the end of a scope leaves it alone", async () => {
    const data = torch.scope(() => torch.ones(size).numpy<Float32Array>().data);
    disturb();
    expect(data.every((v) => v === 1)).toBe(true);
  });

  test("what slice, map and filter give is ordinary", () => {
    const x = torch.ones(size);
    const { data } = x.numpy<Float32Array>();
    const copies = [data.slice(), data.map((v) => v), data.filter(() => true)];
    for (const copy of copies) {
      expect(Object.getPrototypeOf(copy)).toBe(Float32Array.prototype);
      expect(copy.buffer).toBeInstanceOf(ArrayBuffer);
      copy[0] = 7;
    }
    expect([data[0], x.untypedStorage().refs]).toEqual([1, 2]);
    expect([data.constructor, data instanceof Float32Array, Object.prototype.toString.call(data)]).toEqual([
      Float32Array,
      true,
      "[object Float32Array]",
    ]);
  });
});
