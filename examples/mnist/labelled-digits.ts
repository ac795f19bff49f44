import * as torch from "torchlet";
import { FileError, type Tensor } from "torchlet";
import { type ByteArray, parseIdx } from "./idx.ts";

export const SIDE = 28;
export const CLASSES = 10;
/** Mean and standard deviation of the training pixels, as numbers from 0 to 1. */
const MEAN = 0.1307;
const STD = 0.3081;

/** A file's bytes, and the name that errors say. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Pixels from 0 to 255 as the net takes them: of mean 0 and standard deviation 1 over the training digits. */
export const normalised = (pixels: Tensor): Tensor => torch.scope(() => pixels.float().div(255).sub(MEAN).div(STD));

/** Handwritten digits as (1, 28, 28) images of mean 0 and standard deviation 1, with their labels. The pixels are kept as bytes. */
export class LabelledDigits extends torch.data.Dataset<[Tensor, Tensor]> {
  readonly pixels: Tensor;
  readonly labels: Tensor;

  constructor(pixels: Tensor, labels: Tensor) {
    super();
    this.pixels = pixels; // (n, 1, 28, 28), uint8
    this.labels = labels; // (n), int64
  }

  /** The first `limit` digits of a file of images and its file of labels. */
  static parse(imageFile: NamedBytes, labelFile: NamedBytes, limit: number = Number.POSITIVE_INFINITY): LabelledDigits {
    const [images, labels] = [parseIdx(imageFile.bytes, imageFile.name), parseIdx(labelFile.bytes, labelFile.name)];
    check(images, labels, imageFile.name, labelFile.name);
    const n = Math.min(images.shape[0]!, limit);
    const pixels = torch.tensor(images.data.subarray(0, n * SIDE * SIDE)).view(n, 1, SIDE, SIDE);
    return new LabelledDigits(pixels, torch.tensor(labels.data.subarray(0, n), { dtype: torch.int64 }));
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

function check(images: ByteArray, labels: ByteArray, imageFile: string, labelFile: string): void {
  const [n, height, width] = images.shape;
  if (images.shape.length !== 3 || height !== SIDE || width !== SIDE) {
    throw new FileError(`${imageFile} has shape [${images.shape.join(", ")}], where [n, ${SIDE}, ${SIDE}] is expected`);
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== n) {
    throw new FileError(`${labelFile} has shape [${labels.shape.join(", ")}], where [${n}] is expected: as many as there are images`);
  }
  const wrong = labels.data.findIndex((label) => label >= CLASSES);
  if (wrong >= 0) throw new FileError(`${labelFile} says that digit ${wrong} is a ${labels.data[wrong]}`);
}
