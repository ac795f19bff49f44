import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "torchlet";
import { fileNames, type Split } from "./file-names.ts";
import { mnistFolder } from "./folder.ts";
import { LabelledDigits, type NamedBytes } from "./labelled-digits.ts";

export { CLASSES, SIDE } from "./labelled-digits.ts";

/** The digits of MNIST, read from files. */
export class Mnist extends LabelledDigits {
  /** The training digits (60,000) or the test digits (10,000); the first `limit` of them. */
  static async read(split: Split, { folder = mnistFolder(), limit }: { folder?: string; limit?: number } = {}): Promise<Mnist> {
    const [images, labels] = fileNames(split);
    const { pixels, labels: classes } = LabelledDigits.parse(await read(join(folder, images)), await read(join(folder, labels)), limit);
    return new Mnist(pixels, classes);
  }
}

async function read(path: string): Promise<NamedBytes> {
  try {
    return { name: path, bytes: await readFile(path) };
  } catch (e) {
    throw new FileError(`${path} cannot be read: ${(e as Error).message}`);
  }
}
