/** Draws segments: their blocks in order of address, in rows. */
import type { SegmentMap } from "../recording.ts";
import { singular } from "./categories.ts";
import { bytes, count, drawing, hex, html, percent, svg } from "./dom.ts";

/** Bytes to a row. */
const ROW = 16 * 1024;
/** Heights of a row and of the gap below it, in pixels. */
const HIGH = 7;
const GAP = 2;

const used = ({ blocks }: SegmentMap): number => blocks.reduce((sum, b) => sum + (b.category === null ? 0 : b.size), 0);

/** A segment with a heading. `pointed` is called with what a block is, in words. */
export function segmentFigure(segment: SegmentMap, pointed: (block: string) => void): HTMLElement {
  const { kind, part, size, address, blocks } = segment;
  const rows = Math.ceil(size / ROW);
  const height = rows * (HIGH + GAP) - GAP;
  const shapes = blocks.map((block) => {
    const state = block.category === null ? "free" : singular[block.category];
    const asked = block.category === null ? "" : `, ${count(block.requested)} asked for`;
    const words = `${hex(block.address)}: ${count(block.size)} bytes, ${state}${asked}`;
    const shape = svg(
      "path",
      { class: `block ${block.category ?? "free"}`, "data-address": block.address, d: outline(block.address - address, block.size) },
      svg("title", {}, words),
    );
    shape.addEventListener("pointerenter", () => pointed(words));
    shape.addEventListener("pointerdown", () => pointed(words));
    return shape;
  });
  const pieces = blocks.length === 1 ? "1 block" : `${blocks.length} blocks`;
  const label = `${part === "small" ? "Arena" : "Large segment"} of ${bytes(size)} for ${kind}s at ${hex(address)}: ${pieces}, ${percent(used(segment), size)} in use`;
  return html(
    "figure",
    { class: "segment", "data-address": address, "data-kind": kind, "data-part": part },
    html(
      "figcaption",
      {},
      html("strong", {}, kind),
      ` ${part === "small" ? "small: arena" : "large"}, ${bytes(size)}`,
      html("span", {}, `${pieces}, ${percent(used(segment), size)} used`),
    ),
    drawing(label, { viewBox: `0 0 ${ROW} ${height}`, preserveAspectRatio: "none", style: `height: ${height}px` }, ...shapes),
  );
}

/** A block's part of each row, as one path. */
function outline(offset: number, size: number): string {
  let path = "";
  for (let at = offset; at < offset + size; ) {
    const end = Math.min(offset + size, (Math.floor(at / ROW) + 1) * ROW);
    path += `M${at % ROW} ${Math.floor(at / ROW) * (HIGH + GAP)}h${end - at}v${HIGH}h${at - end}z`;
    at = end;
  }
  return path;
}
