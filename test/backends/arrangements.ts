import { Layout, permute, slice } from "../../src/core/layout.ts";

/** How the operands of an elementwise kernel lie in memory. */
export interface Arrangement {
  readonly name: string;
  readonly inputs: readonly Layout[];
  readonly output: Layout;
}

const contiguous = (shape: readonly number[], offset: number = 0): Layout => Layout.contiguous(shape, offset);
const transposed = (shape: readonly [number, number]): Layout => permute(contiguous([shape[1], shape[0]]), [1, 0]);

/** Layouts of one shape with and without gaps, in all orders, for `count` inputs and an output. */
export function arrangements(count: number): Arrangement[] {
  const all = (layout: Layout): Layout[] => new Array<Layout>(count).fill(layout);
  const plain = (shape: readonly number[]): Arrangement => ({
    name: `contiguous [${shape}]`,
    inputs: all(contiguous(shape)),
    output: contiguous(shape),
  });
  // The second input differs from the others.
  const mixed = (first: Layout, second: Layout): Layout[] => all(first).map((l, i) => (i === 1 ? second : l));
  const [row, column, one] = [new Layout([5, 7], [0, 1], 0), new Layout([5, 7], [1, 0], 2), new Layout([5, 7], [0, 0], 1)];
  const evenColumns = slice(contiguous([5, 14]), 1, 1, 7, 2);
  return [
    plain([]),
    plain([1]),
    plain([3]),
    plain([8]),
    plain([37]),
    plain([2, 3, 5]),
    plain([0]),
    plain([3, 0, 2]),
    { name: "offsets", inputs: all(contiguous([11], 3)), output: contiguous([11], 1) },
    { name: "transposed inputs", inputs: all(transposed([5, 7])), output: contiguous([5, 7]) },
    { name: "one transposed input", inputs: mixed(contiguous([5, 7]), transposed([5, 7])), output: contiguous([5, 7]) },
    { name: "transposed output", inputs: all(contiguous([5, 7])), output: transposed([5, 7]) },
    { name: "all transposed", inputs: all(transposed([5, 7])), output: transposed([5, 7]) },
    { name: "step 2", inputs: all(slice(contiguous([23]), 0, 1, 11, 2)), output: contiguous([11]) },
    { name: "output in steps of 2", inputs: all(contiguous([11])), output: slice(contiguous([23]), 0, 1, 11, 2) },
    { name: "every other column", inputs: mixed(evenColumns, contiguous([5, 7])), output: evenColumns },
    { name: "some rows", inputs: all(slice(contiguous([9, 7]), 0, 2, 5)), output: slice(contiguous([11, 7]), 0, 1, 5, 2) },
    { name: "expanded rows and columns", inputs: [row, column, one].slice(0, count), output: contiguous([5, 7]) },
    { name: "an expanded number", inputs: mixed(contiguous([5, 7]), one), output: contiguous([5, 7]) },
    { name: "expanded numbers only", inputs: all(one), output: contiguous([5, 7]) },
    { name: "3 dimensions permuted", inputs: all(permute(contiguous([4, 3, 5]), [2, 0, 1])), output: contiguous([5, 4, 3]) },
    { name: "output permuted", inputs: all(contiguous([5, 4, 3])), output: permute(contiguous([4, 3, 5]), [2, 0, 1]) },
    { name: "sizes of 1 with odd strides", inputs: all(new Layout([1, 5, 1], [99, 1, 7], 0)), output: new Layout([1, 5, 1], [3, 2, 0], 0) },
    {
      name: "5 dimensions",
      inputs: mixed(contiguous([2, 2, 3, 1, 2]), permute(contiguous([2, 1, 3, 2, 2]), [4, 3, 2, 1, 0])),
      output: contiguous([2, 2, 3, 1, 2]),
    },
  ];
}
