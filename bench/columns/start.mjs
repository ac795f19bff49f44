// Seconds from the import of a library to its first gradient, that of a sum of products: `node start.mjs LIBRARY`.
import { createRequire } from "node:module";

const starts = {
  async torchlet() {
    const torch = await import("../../dist/index.js");
    const x = torch.ones([4], { requiresGrad: true });
    x.mul(x).sum().backward();
    return x.grad.tolist();
  },
  async "jax-js"() {
    const { defaultDevice, grad, init, numpy: np } = await import("@jax-js/jax");
    await init("wasm");
    defaultDevice("wasm");
    return await grad((x) => np.sum(np.multiply(x.ref, x)))(np.ones([4])).jsAsync();
  },
  async "tfjs-cpu"() {
    const tf = createRequire(import.meta.url)("@tensorflow/tfjs");
    await tf.setBackend("cpu");
    return await tf
      .grad((x) => x.mul(x).sum())(tf.ones([4]))
      .array();
  },
  async "tfjs-wasm"() {
    const require = createRequire(import.meta.url);
    const tf = require("@tensorflow/tfjs");
    require("@tensorflow/tfjs-backend-wasm");
    await tf.setBackend("wasm");
    return await tf
      .grad((x) => x.mul(x).sum())(tf.ones([4]))
      .array();
  },
};

const begin = performance.now();
const gradient = await starts[process.argv[2]]();
const seconds = (performance.now() - begin) / 1000;
if (String(gradient) !== "2,2,2,2") throw new Error(`a gradient of ${gradient}`);
console.log(seconds);
