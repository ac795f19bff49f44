import type { Row } from "../rows/row.ts";

/** Three significant digits. */
export const digits = (x: number): string => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2));

export function duration(seconds: number): string {
  const [unit, factor] =
    seconds < 1e-6
      ? (["ns", 1e9] as const)
      : seconds < 1e-3
        ? (["us", 1e6] as const)
        : seconds < 1
          ? (["ms", 1e3] as const)
          : (["s", 1] as const);
  return `${digits(seconds * factor)} ${unit}`;
}

/** A figure of a row in its unit. */
export const amount = ({ unit }: Row, figure: number): string => (unit === "B" ? `${digits(figure / 1000)} KB` : duration(figure));

/** What a time amounts to: operations or bytes a second, where the row counts them. */
export function rate({ flops, bytes }: Row, seconds: number): string {
  if (flops !== undefined) return `${digits(flops / seconds / 1e9)} GFLOP/s`;
  return bytes === undefined ? "" : `${digits(bytes / seconds / 1e9)} GB/s`;
}

export const withRate = (row: Row, figure: number): string => {
  const second = row.unit === "B" ? "" : rate(row, figure);
  return second === "" ? amount(row, figure) : `${amount(row, figure)}, ${second}`;
};
