/** How a ring of objects is found and freed. */
import type { Cycle, GradientCycle } from "../recording.ts";
import { byId, bytes, count, drawing, html, row, svg } from "./dom.ts";
import { arrowTip, drawGraph, type GraphNode } from "./graph.ts";
import { stepper } from "./stepper.ts";

/** Where the containers stand, and where each has its tensor. */
const places: Readonly<Record<string, readonly [x: number, y: number]>> = {
  A: [150, 90],
  B: [205, 210],
  C: [95, 210],
  D: [310, 90],
  E: [310, 210],
  "A’s tensor": [66, 90],
  "B’s tensor": [205, 285],
  "C’s tensor": [24, 210],
  "D’s tensor": [390, 90],
  "E’s tensor": [390, 210],
};

export function showCycle({ objects, steps }: Cycle): void {
  const references = objects.map((object) => object.references);
  const incoming = (i: number): number => references.flat().filter((child) => child === i).length;

  function show(i: number): void {
    const { title, text, code, states, tracked, getCount, allocated } = steps[i]!;
    const nodes = objects.map(({ name }, k): GraphNode | null => {
      const { count: refs, copy, mark } = states[k]!;
      if (refs === null) return null;
      const [x, y] = places[name]!;
      const isTensor = name.endsWith("tensor");
      const badge = copy === null ? undefined : String(copy);
      const className = `${isTensor ? "tensor" : "container"} ${mark}`;
      const shape = isTensor
        ? { w: 18, h: 14, round: false, lines: [String(refs)] }
        : { w: 25, h: 25, round: true, lines: [name, String(refs)] };
      return { x, y, ...shape, badge, className, outside: refs - incoming(k) };
    });
    const label = `${title}: ${nodes.filter((node) => node !== null).length} objects, tracked by the collector`;
    byId("cycle-graph").replaceChildren(
      drawing(label, { viewBox: "0 0 420 310" }, svg("defs", {}, arrowTip()), ...drawGraph(nodes, references)),
    );
    byId("cycle-text").replaceChildren(
      html("p", { class: "strong" }, title),
      html("p", {}, text),
      ...(code === "" ? [] : [html("pre", { class: "code" }, html("code", {}, code))]),
      html("p", { class: "note" }, `${tracked} objects tracked, gc.getCount() is [${getCount.join(", ")}], ${bytes(allocated)} in use.`),
    );
    byId("cycle-table").replaceChildren(
      html("thead", {}, row("th", "object", "count", "copy", "mark")),
      html(
        "tbody",
        {},
        ...objects.map(({ name }, k) => {
          const { count: refs, copy, mark } = states[k]!;
          const verdict = refs === null ? "freed" : mark === "none" ? "" : mark;
          return html(
            "tr",
            { "data-object": name, class: refs === null ? "gone" : mark },
            html("th", { scope: "row" }, name),
            html("td", {}, refs === null ? "–" : String(refs)),
            html("td", {}, copy === null ? "–" : String(copy)),
            html("td", {}, verdict),
          );
        }),
      ),
    );
  }

  stepper(byId("cycle-controls"), { label: "Steps of a collection", steps: steps.length, name: (i) => steps[i]!.title, show });
}

/** The ring that a gradient with a history closes. */
export function showGradientCycle({ code, objects, before, found, after }: GradientCycle): void {
  const corners = [
    [85, 28],
    [85, 122],
    [325, 122],
    [325, 28],
  ] as const;
  // The node that adds up the gradient refers to the parameter's part; the other such part is the gradient's.
  const parameter = objects.find(({ name }) => name === "AccumulateGrad")?.references[0];
  const nodes = objects.map(({ name, count: refs }, i): GraphNode => {
    const [x, y] = corners[i % 4]!;
    const whose = name !== "AutogradMeta" ? name : i === parameter ? "w" : "w.grad";
    return { x, y, w: 76, h: 24, round: false, lines: [whose, `count ${refs}`], className: "container unreachable" };
  });
  const label = `A ring of ${objects.length} objects: the parameter, its gradient, and the graph between them`;
  const references = objects.map((object) => object.references);
  byId("gradient-graph").replaceChildren(drawing(label, { viewBox: "0 0 410 150" }, ...drawGraph(nodes, references)));
  byId("gradient-code").replaceChildren(html("code", {}, code));
  byId("gradient-result").textContent =
    `After the scope ${count(before)} bytes are still in use. gc.collect() finds ${found} unreachable objects; ${count(after)} bytes are left.`;
}
