/** A buffer of the device, and the last batch of commands that used it. */
export class DeviceBuffer {
  readonly gpu: GPUBuffer;
  /** Whether the pool made it. Otherwise it is the user's, and never destroyed. */
  readonly owned: boolean;
  batch: number = -1;
  constructor(gpu: GPUBuffer, owned: boolean = true) {
    this.gpu = gpu;
    this.owned = owned;
  }
}
