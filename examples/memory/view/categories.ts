/** What memory is for: names and order of the categories. Their colours are in `page.css`, under the same words. */
import type { Category } from "../recording.ts";
import { html } from "./dom.ts";

/** From the bottom of the stack to its top: what stays for long first. */
export const categories: readonly Category[] = ["parameter", "optimizerState", "gradient", "activation", "temporary", "unknown"];

export const plural: Readonly<Record<Category, string>> = {
  parameter: "parameters",
  optimizerState: "optimizer state",
  gradient: "gradients",
  activation: "activations",
  temporary: "temporaries",
  unknown: "unknown",
};
export const singular: Readonly<Record<Category, string>> = {
  parameter: "parameter",
  optimizerState: "optimizer state",
  gradient: "gradient",
  activation: "activation",
  temporary: "temporary",
  unknown: "unknown",
};

/** The colour of a category, or of free memory. */
export const swatch = (category: Category | "free"): HTMLSpanElement =>
  html("span", { class: `swatch ${category}`, "aria-hidden": "true" });

/** The legend of a drawing of blocks. */
export function legend(shown: readonly (Category | "free")[]): HTMLUListElement {
  return html("ul", { class: "legend" }, ...shown.map((c) => html("li", {}, swatch(c), c === "free" ? "free" : plural[c])));
}
