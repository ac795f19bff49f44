import type * as torchlet from "torchlet";
import type { Prepared, Row } from "./rows.mjs";

type Torch = typeof torchlet;
type Model = new () => torchlet.nn.Module;

/** Tasks of torchlet on device webgpu, which has been started. */
export declare const torchletColumn: (torch: Torch, LeNet?: Model | null) => { prepare(row: Row): Promise<Prepared> };
/** The losses of the first steps in float64, on the CPU. */
export declare const trainingReference: (torch: Torch, LeNet: Model, size: Row["size"], inputs: readonly Float32Array[]) => Float64Array;
