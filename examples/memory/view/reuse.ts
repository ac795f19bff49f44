/** Which blocks tensors get, and that a freed one is used again. */
import type { ReuseStep, SegmentMap } from "../recording.ts";
import { byId, bytes, count, drawing, drawn, hex, html, row, svg } from "./dom.ts";
import { stepper } from "./stepper.ts";

/** How much of each segment is drawn: what lies behind is one free block. */
const WINDOW = 16 * 1024;
const HIGH = 40;

export function showReuse(steps: readonly ReuseStep[]): void {
  let selected = 0;
  let redraw = (): void => {};

  function show(i: number): void {
    selected = i;
    const { title, text, code, blocks, reused } = steps[i]!;
    const known = new Map(steps.slice(0, i).flatMap((earlier) => Object.entries(earlier.blocks)));
    byId("reuse-text").replaceChildren(
      html("p", { class: "strong" }, title),
      html("p", {}, text),
      html("pre", { class: "code" }, html("code", {}, code)),
      html("p", { class: "note" }, `num_reused: ${count(reused)}`),
    );
    const all = new Map([...known, ...Object.entries(blocks)]);
    byId("reuse-table").replaceChildren(
      html("thead", {}, row("th", "tensor", "address", "history")),
      html(
        "tbody",
        {},
        ...[...all].map(([name, address]) => {
          const isGone = blocks[name] === undefined;
          const before = [...known].find(([other, at]) => other !== name && at === address && !isGone);
          const isNew = !known.has(name);
          return html(
            "tr",
            { "data-tensor": name, class: isGone ? "gone" : isNew ? "changed" : undefined },
            html("th", { scope: "row" }, name),
            html("td", { class: "address" }, hex(address)),
            html("td", {}, isGone ? "freed" : before !== undefined ? `was ${before[0]}’s` : ""),
          );
        }),
      ),
    );
    redraw();
  }

  stepper(byId("reuse-controls"), { label: "Steps of reuse", steps: steps.length, name: (i) => steps[i]!.title, show });
  redraw = drawn(byId("reuse-maps"), (width) =>
    html("div", {}, ...steps[selected]!.segments.map((segment) => segmentFigure(segment, steps[selected]!.blocks, width))),
  );
}

/** The beginning of a segment, with the names of the tensors. */
function segmentFigure({ kind, size, address, blocks }: SegmentMap, tensors: ReuseStep["blocks"], width: number): HTMLElement {
  const scale = (width - 90) / WINDOW;
  const parts = blocks.flatMap((block) => {
    const from = block.address - address;
    const isTail = from + block.size > WINDOW;
    const x = from * scale;
    const w = isTail ? width - x - 1 : block.size * scale;
    const names = Object.keys(tensors).filter((name) => tensors[name] === block.address);
    const text = isTail ? `free, ${bytes(block.size)}` : (names[0] ?? "free");
    return [
      svg(
        "rect",
        {
          class: `block ${block.category ?? "free"}`,
          "data-address": block.address,
          x: x + 0.5,
          y: 0.5,
          width: Math.max(1, w - 2),
          height: HIGH - 1,
          rx: 3,
        },
        svg("title", {}, `${hex(block.address)}: ${count(block.size)} bytes, ${names[0] ?? "free"}`),
      ),
      svg("text", { class: names.length > 0 ? "on-block" : "faint", x: x + w / 2, y: HIGH / 2 + 5, "text-anchor": "middle" }, text),
      svg("text", { class: "faint mono", x, y: HIGH + 16 }, hex(block.address)),
    ];
  });
  const label = `Arena for ${kind}s: ${blocks.map((b) => (b.category === null ? "free" : "in use")).join(", ")}`;
  return html(
    "figure",
    { class: "segment", "data-kind": kind },
    html("figcaption", {}, html("strong", {}, kind), ` small: arena, ${bytes(size)}`),
    drawing(label, { width, height: HIGH + 22, viewBox: `0 0 ${width} ${HIGH + 22}` }, ...parts),
  );
}
