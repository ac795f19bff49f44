/** How dark a pixel must be to be drawn, of 255. */
const INK = 80;

/** An image of bytes as text: two rows of pixels to a line, by half blocks. */
export function drawDigit(pixels: ArrayLike<number>, side: number): string[] {
  const ink = (row: number, column: number): boolean => row < side && pixels[row * side + column]! >= INK;
  return Array.from({ length: Math.ceil(side / 2) }, (_, i) => {
    const cells = Array.from({ length: side }, (_, column) => {
      const [upper, lower] = [ink(2 * i, column), ink(2 * i + 1, column)];
      return upper ? (lower ? "█" : "▀") : lower ? "▄" : " ";
    });
    return cells.join("");
  });
}

/** Blocks of lines side by side, `perRow` to a row, each under its title. */
export function sideBySide(blocks: readonly { readonly title: string; readonly lines: readonly string[] }[], perRow: number): string {
  const rows: string[] = [];
  for (let i = 0; i < blocks.length; i += perRow) {
    const group = blocks.slice(i, i + perRow);
    const width = Math.max(...group.flatMap(({ title, lines }) => [title.length, ...lines.map((line) => line.length)]));
    const height = Math.max(...group.map(({ lines }) => lines.length));
    rows.push(
      group
        .map(({ title }) => title.padEnd(width))
        .join("  ")
        .trimEnd(),
    );
    for (let y = 0; y < height; y++)
      rows.push(
        group
          .map(({ lines }) => (lines[y] ?? "").padEnd(width))
          .join("  ")
          .trimEnd(),
      );
    rows.push("");
  }
  return rows.join("\n");
}
