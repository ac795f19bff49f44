/** Where progress is shown: a terminal, or a file that takes whole lines. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** `75 s` as `1:15`. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  const two = (n: number): string => String(n).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}

/** A bar of `width` places, `done` (0 to 1) of them filled, in steps of an eighth. */
export function bar(done: number, width: number): string {
  const eighths = Math.round(Math.min(Math.max(done, 0), 1) * width * 8);
  const part = eighths % 8;
  const text = "█".repeat(Math.floor(eighths / 8)) + (part > 0 ? "▏▎▍▌▋▊▉"[part - 1] : "");
  return text.padEnd(width, "░");
}

/** Between two drawings of the bar, in milliseconds. */
const REDRAW_MS = 100;

/**
 * The progress of one epoch: a bar with loss, images per second and time left. On a terminal one line that is drawn again and again; elsewhere a
 * line at each tenth.
 */
export class Progress {
  private readonly out: Output;
  private readonly label: string;
  private readonly steps: number;
  private readonly now: () => number;
  private readonly start: number;
  private done = 0;
  private images = 0;
  private loss = Number.NaN;
  private drawn = Number.NEGATIVE_INFINITY;
  private tenths = 0;

  constructor(out: Output, label: string, steps: number, now: () => number = () => performance.now()) {
    this.out = out;
    this.label = label;
    this.steps = steps;
    this.now = now;
    this.start = now();
  }

  /** One step of training is done. */
  step(loss: number, images: number): void {
    this.done++;
    this.images += images;
    // A running average, because single batches jump.
    this.loss = Number.isNaN(this.loss) ? loss : this.loss * 0.95 + loss * 0.05;
    if (this.out.isTTY) {
      if (this.now() - this.drawn < REDRAW_MS) return;
      this.drawn = this.now();
      this.out.write(`\r${this.line()}\x1b[K`);
      return;
    }
    const tenths = Math.floor((this.done / this.steps) * 10);
    if (tenths > this.tenths) this.out.write(`${this.line()}\n`);
    this.tenths = tenths;
  }

  /** Takes the bar away, to make place for the epoch's result. */
  end(): void {
    if (this.out.isTTY) this.out.write("\r\x1b[K");
  }

  /** Seconds since the start. */
  get seconds(): number {
    return (this.now() - this.start) / 1000;
  }
  get imagesPerSecond(): number {
    return this.images / this.seconds;
  }

  private line(): string {
    const done = this.done / this.steps;
    const left = (this.seconds / done) * (1 - done);
    const [before, after] = [
      `${this.label} `,
      ` ${String(this.done).padStart(String(this.steps).length)}/${this.steps}  loss ${this.loss.toFixed(4)}  ${this.imagesPerSecond.toFixed(0)} images/s  ${clock(left)} left`,
    ];
    const room = (this.out.columns ?? 100) - before.length - after.length - 1;
    return `${before}${bar(done, Math.min(Math.max(room, 5), 30))}${after}`;
  }
}
