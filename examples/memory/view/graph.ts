/** Draws objects and their references. */
import { svg } from "./dom.ts";

export interface GraphNode {
  readonly x: number;
  readonly y: number;
  /** Half of its width and of its height. */
  readonly w: number;
  readonly h: number;
  readonly round: boolean;
  readonly lines: readonly string[];
  /** A number at its corner. */
  readonly badge?: string | undefined;
  readonly className: string;
  /** References from outside of the drawing. */
  readonly outside?: number;
}

/** How far the edge of a node is from its centre, towards (dx, dy) of length 1. */
const reach = ({ w, h, round }: GraphNode, dx: number, dy: number): number =>
  round ? w : Math.min(w / Math.max(Math.abs(dx), 1e-9), h / Math.max(Math.abs(dy), 1e-9));

function arrow(from: GraphNode, to: GraphNode, className: string): SVGElement {
  const [x, y] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(x, y);
  const [dx, dy] = [x / length, y / length];
  const start = reach(from, dx, dy);
  const end = length - reach(to, dx, dy) - 3;
  return svg("path", {
    class: className,
    d: `M${from.x + dx * start} ${from.y + dy * start}L${from.x + dx * end} ${from.y + dy * end}`,
    "marker-end": "url(#arrow)",
  });
}

/** The tip of an arrow, for all drawings of the page. */
export const arrowTip = (): SVGElement =>
  svg(
    "marker",
    { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" },
    svg("path", { class: "tip", d: "M0 0L8 4L0 8z" }),
  );

/** `references`: of each node, by places. Null stands for a node that is gone. */
export function drawGraph(nodes: readonly (GraphNode | null)[], references: readonly (readonly number[])[]): SVGElement[] {
  const parts: SVGElement[] = [];
  nodes.forEach((from, i) => {
    if (from === null) return;
    for (const child of references[i]!) {
      const to = nodes[child];
      if (to !== null && to !== undefined) parts.push(arrow(from, to, "reference"));
    }
    if ((from.outside ?? 0) > 0) {
      const you = { ...from, x: from.x, y: from.y - from.h - 26, w: 0, h: 0, round: false };
      parts.push(arrow(you, from, "reference outside"), svg("text", { class: "faint", x: you.x + 6, y: you.y + 10 }, "you"));
    }
  });
  for (const node of nodes) if (node !== null) parts.push(drawNode(node));
  return parts;
}

function drawNode({ x, y, w, h, round, lines, badge, className }: GraphNode): SVGElement {
  const radius = round ? w : 4;
  const group = svg(
    "g",
    { class: `node ${className}` },
    svg("rect", { x: x - w, y: y - h, width: 2 * w, height: 2 * h, rx: radius, ry: radius }),
    ...lines.map((text, i) =>
      svg("text", { class: `line-${i}`, x, y: y + 5 + 16 * (i - (lines.length - 1) / 2), "text-anchor": "middle" }, text),
    ),
  );
  if (badge !== undefined) {
    group.append(
      svg("circle", { class: "badge", cx: x + w - 2, cy: y - h + 2, r: 10 }),
      svg("text", { class: "badge", x: x + w - 2, y: y - h + 6, "text-anchor": "middle" }, badge),
    );
  }
  return group;
}
