/** How containers move from generation to generation. */
import type { Collection, Generations, PerGeneration } from "../recording.ts";
import { byId, count, drawing, drawn, html, row, svg } from "./dom.ts";
import { stepper } from "./stepper.ts";

const LANE = 84;
const GAP = 36;
const MARGIN = { left: 58, right: 12 };
const generations = [0, 1, 2] as const;

export function showGenerations({ code, threshold, collections }: Generations): void {
  byId("generations-code").replaceChildren(html("code", {}, code));
  let selected = 0;
  let redraw = (): void => {};

  function show(i: number): void {
    selected = i;
    const {
      generation,
      collected,
      made,
      countBefore,
      countAfter,
      trackedBefore,
      trackedAfter,
      collections: done,
      found,
      followed,
    } = collections[i]!;
    byId("generations-text").replaceChildren(
      html("p", { class: "strong" }, `Collection ${i + 1}: generation ${generation}, ${count(collected)} unreachable`),
      html(
        "p",
        {},
        `${count(made)} containers had been made. ${reason(collections[i]!, threshold)} What survived stands in generation ${Math.min(2, generation + 1)} now. `,
        `The first container of all is in generation ${followed}.`,
      ),
    );
    const change = (before: PerGeneration, after: PerGeneration, g: number): string =>
      before[g] === after[g] ? count(after[g]!) : `${count(before[g]!)} → ${count(after[g]!)}`;
    byId("generations-table").replaceChildren(
      html("thead", {}, row("th", "generation", "getCount()", "getObjects()", "collections", "found")),
      html(
        "tbody",
        {},
        ...generations.map((g) =>
          html(
            "tr",
            { "data-generation": g, class: g === generation ? "changed" : undefined },
            html("th", { scope: "row" }, String(g), html("small", {}, `threshold ${threshold[g]}`)),
            html("td", {}, change(countBefore, countAfter, g)),
            html("td", {}, change(trackedBefore, trackedAfter, g)),
            html("td", {}, count(done[g]!)),
            html("td", {}, count(found[g]!)),
          ),
        ),
      ),
    );
    redraw();
  }

  const next =
    (g: number) =>
    (from: number): number | undefined => {
      const at = collections.findIndex(({ generation }, i) => i > from && generation === g);
      return at < 0 ? undefined : at;
    };
  stepper(byId("generations-controls"), {
    label: "Collections",
    steps: collections.length,
    name: (i) => `collection ${i + 1}, of generation ${collections[i]!.generation}`,
    show,
    jumps: [1, 2].map((g) => ({ label: `Next of generation ${g}`, to: next(g) })),
  });
  redraw = drawn(byId("generations-chart"), (width) => draw(width, collections, selected));
}

function reason({ generation, countBefore }: Collection, threshold: PerGeneration): string {
  const passed = `${countBefore[generation]} > ${threshold[generation]}`;
  return generation === 0
    ? `More than the threshold had come beyond those that went (${passed}).`
    : `Generation ${generation - 1} had been collected often enough (${passed}), so the younger ones were collected along with it.`;
}

/** A lane for each generation: how many objects it tracks, over the containers made. */
function draw(width: number, collections: readonly Collection[], selected: number): SVGSVGElement {
  const last = collections.at(-1)!.made;
  const x = (made: number): number => MARGIN.left + (made / last) * (width - MARGIN.left - MARGIN.right);
  const parts: SVGElement[] = [];
  const current = collections[selected]!;
  for (const g of generations) {
    const bottom = GAP + LANE + g * (LANE + GAP);
    const most = Math.max(...collections.map(({ trackedBefore, trackedAfter }) => Math.max(trackedBefore[g], trackedAfter[g])));
    const y = (tracked: number): number => bottom - (tracked / most) * LANE;
    // Within a collection it falls or jumps; between two only generation 0 changes, by one for each container.
    const points = collections.flatMap(({ made, trackedBefore, trackedAfter }) => [
      `${x(made)} ${y(trackedBefore[g])}`,
      `${x(made)} ${y(trackedAfter[g])}`,
    ]);
    const line = `M${x(0)} ${bottom}L${points.join("L")}`;
    parts.push(
      svg("path", { class: "grid", d: `M${MARGIN.left} ${bottom}H${width - MARGIN.right}` }),
      svg("text", { x: MARGIN.left, y: bottom - LANE - 10 }, `generation ${g}`),
      svg("text", { x: MARGIN.left - 8, y: bottom - LANE + 8, "text-anchor": "end" }, count(most)),
      svg("text", { x: MARGIN.left - 8, y: bottom + 4, "text-anchor": "end" }, "0"),
      svg("path", { class: `lane generation-${g}`, d: `${line}L${x(last)} ${bottom}Z` }),
      svg("path", { class: `lane-line generation-${g}`, d: line }),
    );
    for (const { generation, made } of collections) {
      if (generation === g && g > 0) parts.push(svg("path", { class: `collection generation-${g}`, d: `M${x(made)} ${bottom}v6` }));
    }
    if (current.followed === g) {
      parts.push(svg("circle", { class: "followed", cx: x(current.made), cy: y(current.trackedAfter[g]), r: 5 }));
    }
  }
  const height = generations.length * (LANE + GAP) + 30;
  parts.push(
    svg("path", { class: "cursor", d: `M${x(current.made)} ${GAP}V${height - 24}` }),
    svg("text", { x: MARGIN.left, y: height - 4 }, "0"),
    svg("text", { x: width - MARGIN.right, y: height - 4, "text-anchor": "end" }, `${count(last)} containers made`),
  );
  const label = `Objects tracked in each generation over ${collections.length} collections`;
  return drawing(label, { width, height, viewBox: `0 0 ${width} ${height}` }, ...parts);
}
