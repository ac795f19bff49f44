/** A curve of the chart: its points are (x, y). */
export interface Curve {
  readonly name: string;
  readonly color: string;
  readonly width: number;
  readonly points: readonly (readonly [number, number])[];
}
export interface ChartOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Shows y by its logarithm. */
  readonly logarithmic?: boolean;
}

const WIDTH = 800;
const HEIGHT = 420;
const MARGIN = { top: 44, right: 20, bottom: 48, left: 64 };

const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const short = (x: number): string => String(Number(x.toFixed(1)));

/** Round numbers that divide a range into about `count` parts. */
export function ticks(from: number, to: number, count: number): number[] {
  if (!(to > from)) return [from];
  const rough = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10);
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Powers of ten, and 2 and 5 times them, within a range. */
export function logarithmicTicks(from: number, to: number): number[] {
  const found: number[] = [];
  for (let p = Math.floor(Math.log10(from)); p <= Math.ceil(Math.log10(to)); p++) {
    for (const m of [1, 2, 5]) found.push(Number((m * 10 ** p).toPrecision(1)));
  }
  return found.filter((x) => x >= from && x <= to);
}

/** Where values lie on the page. */
type Scale = (value: number) => number;
const linear = ([from, to]: readonly [number, number], [a, b]: readonly [number, number]): Scale => {
  const span = to === from ? 1 : to - from;
  return (value) => a + ((value - from) / span) * (b - a);
};

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of values) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return low <= high ? [low, high] : [0, 1];
}

/** A running average of a curve's points, `weight` of it old at each step; freed of its bias towards the start. */
export function smoothed(points: Curve["points"], weight: number): [number, number][] {
  let average = 0;
  return points.map(([x, y], i) => {
    average = weight * average + (1 - weight) * y;
    return [x, average / (1 - weight ** (i + 1))];
  });
}

/** A line chart as an SVG document. Points that cannot be shown (not finite, or not positive on a logarithmic scale) are left out. */
export function lineChart(curves: readonly Curve[], { title, xLabel, yLabel, logarithmic = false }: ChartOptions): string {
  const shown = curves.map((curve) => ({
    ...curve,
    points: curve.points.filter(([, y]) => Number.isFinite(y) && (!logarithmic || y > 0)),
  }));
  const xRange = extent(shown.flatMap((c) => c.points.map(([x]) => x)));
  const yRange = extent(shown.flatMap((c) => c.points.map(([, y]) => y)));
  if (!logarithmic) yRange[0] = Math.min(0, yRange[0]);
  const height = logarithmic ? Math.log10 : (y: number) => y;
  const x = linear(xRange, [MARGIN.left, WIDTH - MARGIN.right]);
  const onPage = linear([height(yRange[0]), height(yRange[1])], [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const y: Scale = (value) => onPage(height(value));
  const [left, right, bottom] = [MARGIN.left, WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom];

  const yTicks = (logarithmic ? logarithmicTicks : (a: number, b: number) => ticks(a, b, 5))(...yRange);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${left}" y="24" font-size="16">${escaped(title)}</text>`,
    ...yTicks.map(
      (v) =>
        `<path d="M${left} ${short(y(v))}H${right}" stroke="#ddd"/><text x="${left - 8}" y="${short(y(v) + 4)}" text-anchor="end">${v}</text>`,
    ),
    ...ticks(...xRange, 8).map(
      (v) =>
        `<path d="M${short(x(v))} ${bottom}v5" stroke="#888"/><text x="${short(x(v))}" y="${bottom + 19}" text-anchor="middle">${v}</text>`,
    ),
    `<path d="M${left} ${MARGIN.top}V${bottom}H${right}" fill="none" stroke="#888"/>`,
    `<text x="${(left + right) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escaped(xLabel)}</text>`,
    `<text transform="translate(16 ${(MARGIN.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
    ...shown.map(
      (c) =>
        `<polyline fill="none" stroke="${c.color}" stroke-width="${c.width}" points="${c.points.map(([a, b]) => `${short(x(a))},${short(y(b))}`).join(" ")}"/>`,
    ),
    ...shown.map(
      (c, i) =>
        `<path d="M${right - 150} ${MARGIN.top + 8 + 18 * i}h24" stroke="${c.color}" stroke-width="3"/><text x="${right - 120}" y="${MARGIN.top + 12 + 18 * i}">${escaped(c.name)}</text>`,
    ),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}
