/** gpu.js, of whose types only this is used; and kernels that several benches write in its language. */
export interface Gpu {
  createKernel(source: string, options: object): Kernel;
}
export type Kernel = (...inputs: unknown[]) => unknown;
export interface GpuJs {
  GPU: new (options: { mode: string }) => Gpu;
  Input: new (values: Float32Array, size: readonly number[]) => object;
}

/** A convolution by 3 x 3 as gpu.js takes it: images and kernels of all channels one after another, images with their border. */
export const convolutionSource = `function (x, w) {
    const n = Math.floor(this.thread.z / this.constants.to);
    const m = this.thread.z - n * this.constants.to;
    let sum = 0;
    for (let c = 0; c < this.constants.from; c++) {
      for (let i = 0; i < 3; i++) {
        for (let j = 0; j < 3; j++) {
          sum += x[n * this.constants.from + c][this.thread.y + i][this.thread.x + j] * w[m * this.constants.from + c][i][j];
        }
      }
    }
    return sum;
  }`;

export const productSource = `function (a, b) {
    let sum = 0;
    for (let k = 0; k < this.constants.k; k++) sum += a[this.thread.y][k] * b[k][this.thread.x];
    return sum;
  }`;
