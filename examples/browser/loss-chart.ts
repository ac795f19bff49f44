import { logarithmicTicks, ticks } from "../mnist/chart.ts";

const MARGIN = { top: 8, right: 44, bottom: 24, left: 34 };
/** How much of the smoothed loss is old at each step. */
const WEIGHT = 0.95;
/** The least ranges shown. */
const STEPS = 200;
const LOW = 0.2;
const HIGH = 3;
/** Room for single steps below the smoothed loss, as a factor. */
const BELOW = 3;

/** The loss of each step, and its running average, on a logarithmic scale. */
export class LossChart {
  private readonly canvas: HTMLCanvasElement;
  private raw: number[] = [];
  private smooth: number[] = [];
  private average = 0;

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** The smoothed loss of the last step. */
  get loss(): number | undefined {
    return this.smooth.at(-1);
  }

  append(losses: readonly number[]): void {
    for (const loss of losses) {
      this.raw.push(loss);
      this.average = WEIGHT * this.average + (1 - WEIGHT) * loss;
      // Freed of its bias towards the start, which is 0.
      this.smooth.push(this.average / (1 - WEIGHT ** this.raw.length));
    }
  }

  clear(): void {
    this.raw = [];
    this.smooth = [];
    this.average = 0;
  }

  draw(): void {
    const { canvas, raw, smooth } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
    const c = canvas.getContext("2d")!;
    c.scale(devicePixelRatio, devicePixelRatio);
    const style = getComputedStyle(canvas);
    c.font = `12px ${style.fontFamily}`;

    // The range grows by a quarter at a time, so that the curve does not creep at each step.
    const steps = STEPS * 1.25 ** Math.max(0, Math.ceil(Math.log(raw.length / STEPS) / Math.log(1.25)));
    const low = LOW / 10 ** (Math.max(0, Math.ceil(2 * Math.log10((BELOW * LOW) / least(smooth)))) / 2);
    const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];
    const x = (step: number): number => MARGIN.left + (step / steps) * (right - MARGIN.left);
    const y = (loss: number): number => bottom - (Math.log(Math.max(loss, low) / low) / Math.log(HIGH / low)) * (bottom - MARGIN.top);

    c.fillStyle = style.getPropertyValue("--muted");
    c.strokeStyle = style.getPropertyValue("--line");
    c.lineWidth = 1;
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const tick of logarithmicTicks(low, HIGH)) {
      line(c, [MARGIN.left, right], [Math.round(y(tick)) + 0.5, Math.round(y(tick)) + 0.5]);
      c.fillText(String(tick), MARGIN.left - 8, y(tick));
    }
    c.textAlign = "center";
    c.textBaseline = "alphabetic";
    for (const tick of ticks(0, steps, width / 110)) c.fillText(tick.toLocaleString("en"), x(tick), height - 4);

    c.save();
    c.beginPath();
    c.rect(MARGIN.left, 0, width, bottom);
    c.clip();
    c.strokeStyle = style.getPropertyValue("--accent");
    c.globalAlpha = 0.3;
    const columns = envelope(raw, Math.max(1, raw.length / (2 * (right - MARGIN.left))));
    line(c, ...mapped(columns, x, y));
    c.globalAlpha = 1;
    c.lineWidth = 2;
    c.lineJoin = "round";
    const every = Math.max(1, Math.floor(raw.length / (right - MARGIN.left)));
    const points = smooth.flatMap((loss, i) => ((smooth.length - 1 - i) % every === 0 ? [[i + 1, loss] as const] : []));
    line(c, ...mapped(points, x, y));
    c.restore();

    if (this.loss === undefined) return;
    c.fillStyle = style.getPropertyValue("--accent");
    c.textAlign = "left";
    c.textBaseline = "middle";
    c.fillText(this.loss.toFixed(3), x(raw.length) + 6, Math.min(y(this.loss), bottom - 6));
  }
}

type Place = readonly [step: number, loss: number];

/** The least and the largest of each `width` steps: what a curve of thousands of points looks like on hundreds of pixels. */
function envelope(losses: readonly number[], width: number): Place[] {
  if (width <= 1) return losses.map((loss, i) => [i + 1, loss]);
  return Array.from({ length: Math.ceil(losses.length / width) }, (_, k) => {
    const part = losses.slice(Math.floor(k * width), Math.floor((k + 1) * width) || 1);
    return [Math.min(...part), Math.max(...part)].map((loss) => [(k + 0.5) * width, loss] as const);
  }).flat();
}

const mapped = (places: readonly Place[], x: (step: number) => number, y: (loss: number) => number): [number[], number[]] => [
  places.map(([step]) => x(step)),
  places.map(([, loss]) => y(loss)),
];

function line(c: CanvasRenderingContext2D, xs: readonly number[], ys: readonly number[]): void {
  c.beginPath();
  for (const [i, x] of xs.entries()) c.lineTo(x, ys[i]!);
  c.stroke();
}

const least = (losses: readonly number[]): number => losses.reduce((a, b) => Math.min(a, b), BELOW * LOW);
