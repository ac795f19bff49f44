import { FileError } from "torchlet";

/** An array of bytes of any shape. */
export interface ByteArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 8;

/**
 * Reads the IDX format of the MNIST files: two zero bytes, the type of the elements, the number of dimensions, each size as a big-endian 32-bit
 * number, then the elements in row-major order. Raises a FileError with the file's name where the bytes say otherwise.
 *
 * Source: http://yann.lecun.com/exdb/mnist/
 */
export function parseIdx(bytes: Uint8Array, file: string): ByteArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0) throw new FileError(`${file} is no IDX file`);
  const [type, ndim] = [bytes[2]!, bytes[3]!];
  if (type !== UNSIGNED_BYTE) throw new FileError(`${file} has elements of type 0x${type.toString(16)}, where bytes (0x8) are expected`);
  const start = 4 + 4 * ndim;
  if (bytes.length < start) throw new FileError(`${file} is cut off in its header`);
  const shape = Array.from({ length: ndim }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape.reduce((a, b) => a * b, 1);
  if (bytes.length - start !== size) {
    throw new FileError(`${file} has ${bytes.length - start} bytes of elements, though its shape [${shape.join(", ")}] has ${size}`);
  }
  return { shape, data: bytes.subarray(start) };
}
