import { isGradEnabled } from "../autograd/modes.ts";
import { type Crossing, Node } from "../autograd/node.ts";
import type { DataArray, DType } from "../core/dtype.ts";
import { dtypeNotOnDevice, needsTransfer } from "../core/errors.ts";
import { allocateContiguous } from "../dispatch/allocate.ts";
import { type Device, startDevice } from "../dispatch/device.ts";
import { Tensor } from "./tensor.ts";

/** Raises where a device cannot hold a dtype. */
export function checkHolds(device: Device, dtype: DType): void {
  if (!device.backend.supports(dtype)) throw dtypeNotOnDevice(device.type, dtype);
}

/** A new tensor of elements in the host's format. */
function upload(data: DataArray, shape: readonly number[], dtype: DType, device: Device): Tensor {
  const x = new Tensor(allocateContiguous(shape, dtype, device));
  if (data.length > 0) {
    device.backend.write(x.operand.storage.block, dtype, 0, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return x;
}

/**
 * The values on another device and as another dtype, copied at once: possible where the source can be read at once. The gradient does not follow.
 * @throws DeviceError where it cannot be read at once; nothing has been written then.
 */
export function uploaded(x: Tensor, device: Device, dtype: DType = x.dtype): Tensor {
  if (x.device.backend.readSync === undefined) throw needsTransfer(x.device.type, device.type);
  checkHolds(device, dtype);
  const source = x.dtype === dtype ? x : x.detach().convert(dtype);
  const out = upload(source.toTypedArraySync(), x.shape, dtype, device);
  if (source !== x) source.dispose();
  return out;
}

/** The gradient goes back to the device that the values came from. */
class ToDeviceNode extends Node {
  private readonly source: Device;
  constructor(x: Tensor) {
    super("ToCopyBackward0", [x.gradientEdge()]);
    this.source = x.device;
  }
  override crossing(): Crossing | null {
    const from = this.outputs[0]!.device;
    return from.backend.readSync === undefined ? { from, to: this.source } : null;
  }
  override backward([g]: readonly (Tensor | null)[]): (Tensor | null)[] {
    return [transferred(g!, this.source)];
  }
  override async backwardAsync([g]: readonly (Tensor | null)[]): Promise<(Tensor | null)[]> {
    return [await moved(g!, this.source)];
  }
}

const historyOf = (x: Tensor): Node | null => (isGradEnabled() && x.requiresGrad ? new ToDeviceNode(x) : null);

/** `uploaded`, with the gradient. A new handle in any case. */
export function transferred(x: Tensor, device: Device): Tensor {
  if (x.device === device) return x.alias();
  const y = uploaded(x, device);
  const node = historyOf(x);
  if (node !== null) y.setHistory(node);
  return y;
}

/** The values on another device, which is started where that takes time, and as another dtype; the tensor itself where nothing changes. */
export async function moved(x: Tensor, target: string | Device, dtype: DType = x.dtype): Promise<Tensor> {
  const here = x.dtype !== dtype && x.device.backend.supports(dtype) ? x.convert(dtype) : x;
  if (x.device === target || x.device.type === target) return here.dtype === dtype ? here : here.convert(dtype);
  // The tensor is read as it is now, whatever happens to it while the device starts.
  const node = historyOf(here);
  const { shape, dtype: carried } = here;
  const reading = here.toTypedArray();
  reading.catch(() => {});
  if (here !== x) here.dispose();
  const device = await startDevice(target);
  checkHolds(device, carried);
  checkHolds(device, dtype);
  const y = upload(await reading, shape, carried, device);
  if (node !== null) y.setHistory(node);
  if (carried === dtype) return y;
  const converted = y.convert(dtype);
  y.dispose();
  return converted;
}
