/**
 * Quotients and roots on devices whose division and square root are as far off as WGSL allows, which no device here is: the shader's text is
 * changed so that they are.
 */
import { describe, expect, it } from "vitest";
import { helperText } from "../../src/backends/webgpu/helpers.ts";
import * as torch from "../../src/index.ts";
import { generator, ulpError } from "../support/f32.ts";

const without = process.env["TORCHLET_NO_WEBGPU"] === "1";
const N = 4096;
const GROUP = 64;
const USAGE = 0x80 | 0x4 | 0x8; // STORAGE | COPY_SRC | COPY_DST

/** `call` of the elements of two arrays, in a shader with these functions. */
async function run(functions: string, call: string, a: Float32Array<ArrayBuffer>, b: Float32Array<ArrayBuffer>): Promise<Float32Array> {
  const device = torch.webgpu.gpuDevice();
  const code = `
    @group(0) @binding(0) var<storage, read_write> a: array<f32>;
    @group(0) @binding(1) var<storage, read_write> b: array<f32>;
    @group(0) @binding(2) var<storage, read_write> y: array<f32>;
    ${functions}
    @compute @workgroup_size(${GROUP}) fn main(@builtin(global_invocation_id) id: vec3<u32>) { let i = id.x; y[i] = ${call}; }`;
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module: device.createShaderModule({ code }) } });
  const buffers = Array.from({ length: 3 }, () => device.createBuffer({ size: 4 * N, usage: USAGE }));
  device.queue.writeBuffer(buffers[0]!, 0, a);
  device.queue.writeBuffer(buffers[1]!, 0, b);
  const used = call.includes("b[i]") ? buffers : [buffers[0]!, buffers[2]!];
  const bindings = used.map((buffer) => ({ binding: buffers.indexOf(buffer), resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: bindings }));
  pass.dispatchWorkgroups(N / GROUP);
  pass.end();
  device.queue.submit([encoder.finish()]);
  const y = await torch.webgpu.fromBuffer(buffers[2]!, { dtype: torch.float32, shape: [N] }).toTypedArray();
  for (const buffer of buffers) buffer.destroy();
  return y as Float32Array;
}

/** The text with the first result of `expression` moved by some units of its last place. */
function coarse(text: string, expression: string, ulps: number): string {
  expect(text).toContain(` = ${expression};`);
  return text.replace(` = ${expression};`, ` = bitcast<f32>(bitcast<i32>(${expression}) + (${ulps}));`);
}

/** Normal numbers of both signs, the first few whole. */
function numbers(seed: number, low: number, high: number): Float32Array<ArrayBuffer> {
  const random = generator(seed);
  return Float32Array.from({ length: N }, (_, i) =>
    i < N / 4
      ? 1 + Math.floor(1000 * random())
      : (1 + random()) * 2 ** Math.floor(low + (high - low) * random()) * (random() < 0.5 ? -1 : 1),
  );
}

describe.skipIf(without).each([-3, -1, 0, 1, 3])("where the device is off by %i units", (ulps) => {
  it("quotients are within 0.6 ulp, and exact where they are whole", async () => {
    await torch.webgpu.start();
    const b = numbers(1, -126, 127);
    const a = numbers(2, -126, 127).map((x, i) => (i < N / 4 ? Math.fround(x * b[i]!) : x)) as Float32Array<ArrayBuffer>;
    const y = await run(coarse(helperText(["divide"]), "x / y", ulps), "divide(a[i], b[i])", a, b);
    let worst = 0;
    y.forEach((q, i) => {
      const exact = a[i]! / b[i]!;
      if (i < N / 4) expect(q).toBe(Math.fround(exact));
      else if (Math.abs(exact) >= 2 ** -126 && Math.abs(exact) < 2 ** 127) worst = Math.max(worst, ulpError(q, exact));
    });
    expect(worst).toBeGreaterThan(0.49);
    expect(worst).toBeLessThan(0.6);
  });

  it("roots are within 0.6 ulp, and exact where they are whole", async () => {
    await torch.webgpu.start();
    const a = numbers(3, -126, 127).map((x, i) => (i < N / 4 ? x * x : Math.abs(x))) as Float32Array<ArrayBuffer>;
    const y = await run(coarse(helperText(["root"]), "sqrt(x)", ulps), "root(a[i])", a, a);
    let worst = 0;
    y.forEach((r, i) => {
      if (i < N / 4) expect(r).toBe(Math.sqrt(a[i]!));
      else worst = Math.max(worst, ulpError(r, Math.sqrt(a[i]!)));
    });
    expect(worst).toBeGreaterThan(0.49);
    expect(worst).toBeLessThan(0.6);
  });
});
