import { paintDigit } from "./digit-image.ts";
import type { Mistake } from "./protocol.ts";

/** Shows digits with what they are and what they were taken for, as items of a list. */
export function showMistakes(list: HTMLElement, mistakes: readonly Mistake[]): void {
  list.replaceChildren(...mistakes.map(item));
}

function item({ pixels, label, predicted }: Mistake): HTMLLIElement {
  const canvas = document.createElement("canvas");
  canvas.className = "digit";
  canvas.setAttribute("aria-hidden", "true");
  paintDigit(canvas, pixels);
  const caption = document.createElement("span");
  const taken = document.createElement("b");
  taken.textContent = String(predicted);
  caption.append(`${label}, not `, taken);
  const li = document.createElement("li");
  li.append(canvas, caption);
  return li;
}
