/** Makes elements, and numbers that can be read. */
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
type Child = Node | string;

const SVG = "http://www.w3.org/2000/svg";

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** An HTML element. */
export function html<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A drawing, which says in one sentence what it shows. */
export const drawing = (label: string, attributes: Attributes, ...children: readonly Child[]): SVGSVGElement =>
  svg("svg", { role: "img", "aria-label": label, ...attributes }, svg("title", {}, label), ...children);

/** The element of the page with an id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** Draws into an element now and whenever its width changes. @returns draws again. */
export function drawn(element: HTMLElement, draw: (width: number) => Node): () => void {
  const again = (): void => element.replaceChildren(draw(Math.max(240, element.clientWidth)));
  let width = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    again();
  }).observe(element);
  again();
  return again;
}

/** 1234567 as 1,234,567. */
export const count = (n: number): string => n.toLocaleString("en-US");

/** Bytes as they are told: 40 B, 6 KB, 2.5 KB. */
export const bytes = (n: number): string =>
  n < 1024 ? `${n} B` : `${(n / 1024).toLocaleString("en-US", { maximumFractionDigits: 1 })} KB`;

export const percent = (part: number, whole: number): string => `${whole === 0 ? 0 : Math.round((100 * part) / whole)}%`;

/** An address, as Python shows one. */
export const hex = (address: number): string => `0x${address.toString(16).padStart(6, "0")}`;

/** A table's row. */
export const row = (tag: "td" | "th", ...cells: readonly Child[]): HTMLTableRowElement =>
  html("tr", {}, ...cells.map((cell) => html(tag, tag === "th" ? { scope: "col" } : {}, cell)));
