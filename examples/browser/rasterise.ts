/** A line of the pen, in any unit. */
export type Stroke = readonly (readonly [x: number, y: number])[];

const SIDE = 28;
/** The longer side of a digit's box, in pixels. */
const BOX = 20;
/** Where a digit's centre of mass lies. */
const CENTRE = SIDE / 2;
const PEN_RADIUS = 1.3;

/**
 * Draws strokes as the digits of MNIST are: the longer side of their box is 20 of 28 pixels, and their centre of mass lies in the middle. The pen
 * is as thick as there, however small the strokes were. `least` is the size from which on strokes are made as large as the box, so that a dot stays
 * one.
 */
export function rasterise(strokes: readonly Stroke[], least: number): Uint8Array {
  const points = strokes.flat();
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = (BOX - 2 * PEN_RADIUS) / Math.max(right - left, bottom - top, least);
  const moved = (cx: number, cy: number): Stroke[] =>
    strokes.map((stroke) => stroke.map(([x, y]) => [CENTRE + (x - cx) * scale, CENTRE + (y - cy) * scale] as const));

  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const [mx, my] = centreOfMass(ink(moved(x, y)));
  return ink(moved(x + (mx - CENTRE) / scale, y + (my - CENTRE) / scale));
}

/** How much of each pixel the pen covers, from 0 to 255. */
function ink(strokes: readonly Stroke[]): Uint8Array {
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    const nearest = Math.min(...strokes.map((stroke) => distance(x, y, stroke)));
    return Math.round(255 * Math.min(Math.max(PEN_RADIUS + 0.5 - nearest, 0), 1));
  });
}

/** From a point to the nearest of a stroke. */
function distance(x: number, y: number, stroke: Stroke): number {
  let least = Number.POSITIVE_INFINITY;
  let [ax, ay] = stroke[0]!;
  for (const [bx, by] of stroke) {
    const [dx, dy] = [bx - ax, by - ay];
    const along = Math.min(Math.max(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1), 0), 1);
    least = Math.min(least, Math.hypot(x - ax - along * dx, y - ay - along * dy));
    [ax, ay] = [bx, by];
  }
  return least;
}

export function centreOfMass(pixels: Uint8Array): [x: number, y: number] {
  let [sum, x, y] = [0, 0, 0];
  for (const [i, p] of pixels.entries()) {
    sum += p;
    x += p * (i % SIDE);
    y += p * Math.floor(i / SIDE);
  }
  return [x / sum, y / sum];
}
