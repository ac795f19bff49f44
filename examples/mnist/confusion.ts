/** Counts of what each class was taken for. */
export class Confusion {
  readonly classes: number;
  private readonly counts: Uint32Array;

  constructor(classes: number) {
    this.classes = classes;
    this.counts = new Uint32Array(classes * classes);
  }

  /** Notes a sample of class `actual` that was taken for `predicted`. */
  add(actual: number, predicted: number): void {
    this.counts[actual * this.classes + predicted]!++;
  }
  count(actual: number, predicted: number): number {
    return this.counts[actual * this.classes + predicted]!;
  }

  get total(): number {
    return this.counts.reduce((a, b) => a + b, 0);
  }
  get correct(): number {
    return Array.from({ length: this.classes }, (_, i) => this.count(i, i)).reduce((a, b) => a + b, 0);
  }
  /** The fraction of samples that were taken for what they are. */
  get accuracy(): number {
    return this.total === 0 ? 0 : this.correct / this.total;
  }

  /** A table: a row for each class, with how often it was taken for each, and the fraction that was right. */
  toString(): string {
    const names = Array.from({ length: this.classes }, (_, i) => String(i));
    const width = Math.max(...Array.from(this.counts, (n) => String(n).length), ...names.map((n) => n.length)) + 1;
    const head = `is \\ taken for │${names.map((n) => n.padStart(width)).join("")} │  right`;
    const rows = names.map((name, actual) => {
      const row = names.map((_, predicted) => this.count(actual, predicted));
      const all = row.reduce((a, b) => a + b, 0);
      // A dot where there is nothing lets the mistakes stand out.
      const cells = row.map((n) => (n === 0 ? "·" : String(n)).padStart(width)).join("");
      return `${name.padStart(14)} │${cells} │ ${all === 0 ? "     -" : `${((100 * row[actual]!) / all).toFixed(1).padStart(5)}%`}`;
    });
    const rule = `${"─".repeat(15)}┼${"─".repeat(width * this.classes + 1)}┼${"─".repeat(7)}`;
    return [head, rule, ...rows].join("\n");
  }
}
