import { zeroCount } from "./reading.ts";
import type { Tensor } from "./tensor.ts";

/** Whether an integer tensor holds a zero. Where values cannot be read at once, nobody knows: false. */
export const anyZero = (x: Tensor): boolean => zeroCount(x) > 0;
