const CLASSES = 10;

/** A bar for each class, the most probable one set off. */
export class ProbabilityBars {
  private readonly rows: { readonly item: HTMLLIElement; readonly bar: HTMLElement; readonly text: HTMLElement }[];

  constructor(list: HTMLElement) {
    this.rows = Array.from({ length: CLASSES }, (_, digit) => {
      const item = document.createElement("li");
      const [name, track, bar, text] = [span(), span(), span(), span()];
      name.textContent = String(digit);
      track.className = "track";
      track.append(bar);
      item.append(name, track, text);
      list.append(item);
      return { item, bar, text };
    });
    this.show(null);
  }

  /** Null: nothing is drawn. */
  show(values: readonly number[] | null): void {
    const best = values === null ? -1 : values.indexOf(Math.max(...values));
    for (const [digit, { item, bar, text }] of this.rows.entries()) {
      const value = values?.[digit] ?? 0;
      bar.style.transform = `scaleX(${value})`;
      text.textContent = values === null ? "" : `${(100 * value).toFixed(1)} %`;
      item.classList.toggle("best", digit === best);
    }
  }
}

const span = (): HTMLElement => document.createElement("span");
