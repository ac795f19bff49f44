/** Buttons and a slider that walk through steps. */
import { html } from "./dom.ts";

/** A further button: from a step to another one, or to none. */
export interface Jump {
  readonly label: string;
  readonly to: (from: number) => number | undefined;
}
export interface StepperOptions {
  /** What is walked through: `Moments of the training`. */
  readonly label: string;
  readonly steps: number;
  /** A step in words. */
  readonly name: (step: number) => string;
  /** Called at once, and at each change. */
  readonly show: (step: number) => void;
  readonly start?: number;
  readonly jumps?: readonly Jump[];
}

/** Puts the controls into `place`. @returns goes to a step. */
export function stepper(place: HTMLElement, options: StepperOptions): (step: number) => void {
  const { label, steps, name, show, start = 0, jumps = [] } = options;
  let current = start;
  const button = (text: string, to: Jump["to"]): { element: HTMLButtonElement; to: Jump["to"] } => {
    const element = html("button", { type: "button" }, text);
    element.addEventListener("click", () => go(to(current) ?? current));
    return { element, to };
  };
  const buttons = [button("Back", (i) => i - 1), button("Next", (i) => i + 1), ...jumps.map(({ label, to }) => button(label, to))];
  const slider = html("input", { type: "range", min: 0, max: steps - 1, value: start, "aria-label": label });
  slider.addEventListener("input", () => go(slider.valueAsNumber));
  const place_ = html("span", { class: "position" });

  function go(step: number): void {
    current = Math.max(0, Math.min(steps - 1, step));
    slider.value = String(current);
    slider.setAttribute("aria-valuetext", name(current));
    place_.textContent = `${current + 1} / ${steps}`;
    for (const { element, to } of buttons) {
      const next = to(current);
      // Not disabled: that would take the focus from whoever walks by keyboard.
      element.setAttribute("aria-disabled", String(next === undefined || next < 0 || next >= steps));
    }
    show(current);
  }
  place.classList.add("stepper");
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", label);
  place.replaceChildren(...buttons.map(({ element }) => element), slider, place_);
  go(start);
  return go;
}
