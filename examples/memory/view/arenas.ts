/** Every segment with its blocks, at several moments. */
import type { Moment } from "../recording.ts";
import { segmentFigure } from "./block-map.ts";
import { categories, legend } from "./categories.ts";
import { byId, bytes, html, percent } from "./dom.ts";
import { stepper } from "./stepper.ts";

export function showArenas(moments: readonly Moment[]): void {
  byId("arenas-legend").replaceChildren(legend([...categories.filter((c) => c !== "unknown"), "free"]));

  function show(i: number): void {
    const { title, text, segments, allocated, reserved, inactiveSplit } = moments[i]!;
    const free = reserved - allocated;
    byId("arenas-text").replaceChildren(html("p", { class: "strong" }, title), html("p", {}, text));
    const figure = (name: string, id: string, value: string, note: string): HTMLElement =>
      html("div", {}, html("dt", {}, name), html("dd", { id, class: "figure" }, value), html("dd", { class: "note" }, note));
    byId("arenas-figures").replaceChildren(
      figure("Held", "arenas-reserved", bytes(reserved), segments.length === 1 ? "1 segment" : `${segments.length} segments`),
      figure("In use", "arenas-allocated", bytes(allocated), `${percent(allocated, reserved)} of what is held`),
      figure("Free inside segments", "arenas-free", bytes(free), `${percent(free, reserved)}: the fragmentation`),
      figure("Of that, stuck", "arenas-stuck", bytes(inactiveSplit), "shares a segment with blocks in use"),
    );
    const note = byId("arenas-block");
    note.textContent = "Point at a block to see what it is.";
    const pointed = (words: string): void => void (note.textContent = words);
    const figures = segments.map((segment) => segmentFigure(segment, pointed));
    byId("arenas-maps").replaceChildren(...(figures.length > 0 ? figures : [html("p", { class: "note" }, "Nothing is held.")]));
  }

  stepper(byId("arenas-controls"), {
    label: "Moments",
    steps: moments.length,
    start: 3,
    name: (i) => moments[i]!.title,
    show,
    jumps: [{ label: "Fragmentation", to: () => moments.findIndex(({ title }) => title.startsWith("Every second")) }],
  });
}
