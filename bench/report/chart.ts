import type { ColumnSpec } from "../run/columns.ts";
import type { Measured } from "../run/measure.ts";
import { digits } from "./format.ts";
import { figure, ratio } from "./statistics.ts";

const [LEFT, WIDTH, RIGHT, BAR, GAP, TOP] = [150, 520, 70, 9, 12, 64];
/** Colours that are told apart on white and on black: Torchlet's are warm, the others' cool. Source: M. Okabe and K. Ito's palette, and shades of it. */
const COLOURS = [
  "#d55e00",
  "#a84300",
  "#e69f00",
  "#b97f00",
  "#f0c419",
  "#c9a000",
  "#0072b2",
  "#009e73",
  "#56b4e9",
  "#8c7bd8",
  "#7f7f7f",
  "#4f9da6",
];
const STYLE = `text { font: 11px system-ui, sans-serif; fill: #222 } .grid { stroke: #8884 } .one { stroke: #888 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }`;

const escaped = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const text = (x: number, y: number, anchor: string, content: string): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(content)}</text>`;

interface Bar {
  readonly column: number;
  readonly ratio: number;
}
interface Bars {
  readonly name: string;
  readonly bars: readonly Bar[];
}

/** The column that a group's figures are divided by: PyTorch's, where it is there. */
export function baseOf(rows: readonly Measured[], columns: readonly ColumnSpec[]): string | null {
  const has = (name: string): boolean => rows.some(({ cells }) => figure(cells[name]) !== null);
  if (has("PyTorch")) return "PyTorch";
  return columns.find(({ own, name }) => own === "WASM" && has(name))?.name ?? null;
}

/**
 * Bars of a group as SVG, readable on white and on black: how many times the base's time each column takes, on a logarithmic scale; shorter
 * than the line at 1 is faster. Null where there is nothing to compare.
 */
export function chartOf(title: string, rows: readonly Measured[], columns: readonly ColumnSpec[]): string | null {
  const base = baseOf(rows, columns);
  if (base === null) return null;
  const groups: Bars[] = rows.flatMap(({ row, cells }) => {
    const bars = columns.flatMap(({ name }, column): Bar[] => {
      const value = name === base ? null : ratio(cells[name], cells[base]);
      return value === null || !(value > 0) ? [] : [{ column, ratio: value }];
    });
    return bars.length === 0 ? [] : [{ name: row.name, bars }];
  });
  if (groups.length === 0) return null;
  const all = groups.flatMap(({ bars }) => bars.map((b) => b.ratio));
  const [low, high] = [Math.floor(Math.log10(Math.min(...all, 0.5))), Math.ceil(Math.log10(Math.max(...all, 2)))];
  const x = (value: number): number => LEFT + (WIDTH * (Math.log10(value) - low)) / (high - low);
  const used = columns.map((c, i) => [c.name, i] as const).filter(([, i]) => groups.some(({ bars }) => bars.some((b) => b.column === i)));
  const perLine = 5;
  const top = TOP + 16 * Math.ceil(used.length / perLine);
  const body: string[] = [];
  let y = top;
  for (const { name, bars } of groups) {
    body.push(text(LEFT - 8, y + (bars.length * BAR) / 2 + 4, "end", name));
    for (const { column, ratio: value } of bars) {
      const colour = COLOURS[column % COLOURS.length]!;
      body.push(
        `<rect x="${LEFT}" y="${y}" width="${Math.max(x(value) - LEFT, 1).toFixed(1)}" height="${BAR - 1}" fill="${colour}"/>`,
        text(x(value) + 4, y + BAR - 1, "start", `${digits(value)}x`),
      );
      y += BAR;
    }
    y += GAP;
  }
  const legend = used.map(([name, column], i) => {
    const [at, line] = [16 + (i % perLine) * 145, 46 + 16 * Math.floor(i / perLine)];
    return `<rect x="${at}" y="${line - 9}" width="10" height="10" fill="${COLOURS[column % COLOURS.length]!}"/>${text(at + 15, line, "start", name)}`;
  });
  const lines = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)).map((value) => {
    const at = x(value).toFixed(1);
    return `<line class="${value === 1 ? "one" : "grid"}" x1="${at}" x2="${at}" y1="${top - 6}" y2="${y - GAP + 4}"/>${text(x(value), y + 6, "middle", `${value}x`)}`;
  });
  const size = `width="${LEFT + WIDTH + RIGHT}" height="${y + 16}" viewBox="0 0 ${LEFT + WIDTH + RIGHT} ${y + 16}"`;
  const heading = text(16, 22, "start", `${title}: time as a multiple of ${base}'s, logarithmic; less is faster`);
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img"><style>${STYLE}</style>\n${[heading, ...legend, ...lines, ...body].join("\n")}\n</svg>\n`;
}
