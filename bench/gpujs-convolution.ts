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
