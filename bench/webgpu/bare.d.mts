import type { Prepared, Row } from "./rows.mjs";

/** Tasks on a device, without a library. */
export declare const bareColumn: (device: GPUDevice) => { prepare(row: Row): Promise<Prepared> };
