type Point = readonly [x: number, y: number];

/** The pen's width, and how far an arrow key moves it, as parts of the pad. */
const PEN = 0.07;
const KEY_STEP = 0.04;
const ARROWS: Readonly<Record<string, Point>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** A canvas to draw on, by pointer or by keyboard. Strokes are in parts of its side, from 0 to 1. */
export class DrawingPad {
  private readonly canvas: HTMLCanvasElement;
  private readonly onChange: (strokes: readonly (readonly Point[])[]) => void;
  private strokes: Point[][] = [];
  private pointer: number | null = null;
  /** Where the keyboard's pen is, and whether it is lowered. */
  private pen: Point = [0.5, 0.3];
  private lowered = false;
  private waiting = false;

  constructor(canvas: HTMLCanvasElement, onChange: (strokes: readonly (readonly Point[])[]) => void) {
    this.canvas = canvas;
    this.onChange = onChange;
    canvas.addEventListener("pointerdown", (e) => this.press(e));
    canvas.addEventListener("pointermove", (e) => this.move(e));
    for (const end of ["pointerup", "pointercancel"] as const) canvas.addEventListener(end, () => (this.pointer = null));
    canvas.addEventListener("keydown", (e) => this.key(e));
    for (const change of ["focus", "blur"] as const) canvas.addEventListener(change, () => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  clear(): void {
    this.strokes = [];
    this.lowered = false;
    this.changed();
  }

  draw(): void {
    const { canvas } = this;
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    canvas.width = side;
    canvas.height = side;
    const c = canvas.getContext("2d")!;
    const style = getComputedStyle(canvas);
    c.scale(side, side);
    c.lineCap = "round";
    c.lineJoin = "round";
    c.lineWidth = PEN;
    c.strokeStyle = style.color;
    for (const [first, ...rest] of this.strokes) {
      c.beginPath();
      c.moveTo(...first!);
      c.lineTo(...first!);
      for (const point of rest) c.lineTo(...point);
      c.stroke();
    }
    if (!canvas.matches(":focus-visible")) return;
    c.lineWidth = 0.008;
    c.strokeStyle = style.getPropertyValue("--accent");
    c.fillStyle = c.strokeStyle;
    c.beginPath();
    c.arc(...this.pen, PEN / 2, 0, 2 * Math.PI);
    if (this.lowered) c.fill();
    else c.stroke();
  }

  private press(e: PointerEvent): void {
    if (this.pointer !== null || e.button !== 0) return;
    this.canvas.setPointerCapture(e.pointerId);
    this.pointer = e.pointerId;
    this.strokes.push([this.at(e)]);
    this.changed();
  }

  private move(e: PointerEvent): void {
    if (e.pointerId !== this.pointer) return;
    this.strokes.at(-1)!.push(...e.getCoalescedEvents().map((part) => this.at(part)), this.at(e));
    this.changed();
  }

  private key(e: KeyboardEvent): void {
    const arrow = ARROWS[e.key];
    if (arrow !== undefined) {
      const inside = (x: number): number => Math.min(Math.max(x, PEN / 2), 1 - PEN / 2);
      this.pen = [inside(this.pen[0] + KEY_STEP * arrow[0]), inside(this.pen[1] + KEY_STEP * arrow[1])];
      if (this.lowered) this.strokes.at(-1)!.push(this.pen);
    } else if (e.key === " ") {
      this.lowered = !this.lowered;
      if (this.lowered) this.strokes.push([this.pen]);
    } else if (e.key === "Escape" || e.key === "Delete") this.clear();
    else return;
    e.preventDefault();
    this.changed();
  }

  private at(e: PointerEvent): Point {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return [(e.clientX - left) / width, (e.clientY - top) / height];
  }

  /** Draws and tells, once for all that happens within a frame. */
  private changed(): void {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
      this.onChange(this.strokes);
    });
  }
}
