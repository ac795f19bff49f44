/** What typed arrays over the heap do in a page: `float16` needs an engine with `Float16Array`. */
import * as torch from "../../src/index.ts";

export interface NdarrayReport {
  /** Whether writes are seen on both sides, by dtype. */
  readonly shares: Readonly<Record<string, boolean>>;
  /** Read after the memory has grown. */
  readonly grown: readonly number[];
  readonly half: readonly number[];
}

export function ndarrayReport(): NdarrayReport {
  const shares: Record<string, boolean> = {};
  for (const dtype of [torch.float32, torch.int32, torch.float16]) {
    const x = torch.tensor([1.5, 2], { dtype });
    const part = x.numpy().data.subarray(1);
    part[0] = 3;
    const y = torch.fromNdarray({ data: part, shape: [1], stride: [1], offset: 0 }, { copy: false });
    y.mul_(2);
    shares[dtype.name] = x.at(1).itemSync() === 6 && Number(part[0]) === 6 && y.dtype === dtype;
  }
  const { data } = torch.arange(3).to(torch.float32).numpy<Float32Array>();
  torch.zeros(data.buffer.byteLength / 4);
  torch.fromNdarray({ data, shape: [3], stride: [1], offset: 0 }, { copy: false }).add_(1);
  const half = torch.tensor([0.1, -2], { dtype: torch.float16 }).numpy();
  return { shares, grown: Array.from(data), half: Array.from(half.data as ArrayLike<number>) };
}
Object.assign(globalThis, { ndarrayReport });
