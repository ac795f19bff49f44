const SIDE = 28;

/** Shows 28 x 28 bytes as black ink, more or less opaque; the style sheet turns it white on dark ground. Null clears. */
export function paintDigit(canvas: HTMLCanvasElement, pixels: Uint8Array | null): void {
  const image = new ImageData(SIDE, SIDE);
  if (pixels !== null) for (const [i, p] of pixels.entries()) image.data[4 * i + 3] = p;
  canvas.width = SIDE;
  canvas.height = SIDE;
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}
