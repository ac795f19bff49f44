/** What the tests know of every op in the table. An op without an entry here does not compile. */
import type * as table from "../../src/ops/index.ts";
import { activation } from "./activation.ts";
import { arithmetic } from "./arithmetic.ts";
import { comparison } from "./comparison.ts";
import { copying } from "./copying.ts";
import { elementary } from "./elementary.ts";
import { indexing } from "./indexing.ts";
import type { InfosOf } from "./info.ts";
import { joining } from "./joining.ts";
import { matmul } from "./matmul.ts";
import { padding } from "./padding.ts";
import { reduction } from "./reduction.ts";
import { scans } from "./scan.ts";
import { softmax } from "./softmax.ts";
import { triangle } from "./triangle.ts";
import { view } from "./view.ts";

export const infos: InfosOf<typeof table> = {
  ...activation,
  ...arithmetic,
  ...comparison,
  ...copying,
  ...elementary,
  ...indexing,
  ...joining,
  ...matmul,
  ...padding,
  ...reduction,
  ...scans,
  ...softmax,
  ...triangle,
  ...view,
};
