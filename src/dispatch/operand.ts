import type { DType } from "../core/dtype.ts";
import type { Layout } from "../core/layout.ts";
import type { Storage } from "../memory/storage.ts";
import type { Device } from "./device.ts";

/** What a kernel works on: a storage on a device, seen through a layout, as a dtype. Immutable; views are new operands on the same storage. */
export class Operand {
  readonly storage: Storage;
  readonly layout: Layout;
  readonly dtype: DType;
  readonly device: Device;
  /** Writes through it do not count as versions: `x.data`. */
  readonly untracked: boolean;

  constructor(storage: Storage, layout: Layout, dtype: DType, device: Device, untracked: boolean = false) {
    this.storage = storage;
    this.layout = layout;
    this.dtype = dtype;
    this.device = device;
    this.untracked = untracked;
  }

  view(layout: Layout): Operand {
    return new Operand(this.storage, layout, this.dtype, this.device, this.untracked);
  }
}
