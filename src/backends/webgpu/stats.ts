/** What the device has been asked to do so far. */
export interface WebGpuStats {
  /** Command buffers handed to the queue. */
  submits: number;
  /** Kernels run. */
  dispatches: number;
  /** Compute pipelines compiled. */
  pipelines: number;
  bindGroups: number;
  /** Buffers taken from the device, those for reading back included. */
  buffers: number;
  bytesUp: number;
  bytesDown: number;
}

export const newStats = (): WebGpuStats => ({
  submits: 0,
  dispatches: 0,
  pipelines: 0,
  bindGroups: 0,
  buffers: 0,
  bytesUp: 0,
  bytesDown: 0,
});
