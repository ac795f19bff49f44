import type { BlockOwner, OperandOf } from "../../kernel/kernel.ts";

/** An operand as a backend sees it. */
export type Operand = OperandOf<BlockOwner>;

/** The address of an operand's first element. */
export const address = (x: Operand, itemsize: number): number => x.storage.block.offset + x.layout.offset * itemsize;
