/** Square images with a border of zeros, for libraries that do not pad. */
export function withBorder(images: Float32Array, size: number): Float32Array {
  const wide = size + 2;
  const count = images.length / size ** 2;
  const out = new Float32Array(count * wide ** 2);
  for (let p = 0; p < count; p++) {
    for (let i = 0; i < size; i++)
      out.set(images.subarray((p * size + i) * size, (p * size + i + 1) * size), (p * wide + i + 1) * wide + 1);
  }
  return out;
}
