// The rows in WGSL written by hand, dispatched without any library. Where two shaders suit different adapters, the one that is faster here counts.

const STORAGE = 0x80 | 0x4 | 0x8; // STORAGE | COPY_SRC | COPY_DST
const UNIFORM = 0x40 | 0x8;
const READ = 0x1 | 0x8; // MAP_READ | COPY_DST

const bindings = (n, type = "f32") =>
  Array.from({ length: n }, (_, k) => `@group(0) @binding(${k}) var<storage, read_write> v${k}: array<${type}>;`).join("\n");

/** Four rows and four columns of the result per invocation, straight from memory. */
const directProduct = (n) => `
${bindings(3, "vec4<f32>")}
@compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  const w = ${n / 4}u;
  let row = id.y * 4u;
  var s0 = vec4<f32>(); var s1 = vec4<f32>(); var s2 = vec4<f32>(); var s3 = vec4<f32>();
  for (var k = 0u; k < w; k++) {
    let a0 = v1[row * w + k]; let a1 = v1[(row + 1u) * w + k]; let a2 = v1[(row + 2u) * w + k]; let a3 = v1[(row + 3u) * w + k];
    ${["x", "y", "z", "w"]
      .map(
        (c, i) => `let b${i} = v2[(k * 4u + ${i}u) * w + id.x];
    s0 += a0.${c} * b${i}; s1 += a1.${c} * b${i}; s2 += a2.${c} * b${i}; s3 += a3.${c} * b${i};`,
      )
      .join("\n    ")}
  }
  v0[row * w + id.x] = s0; v0[(row + 1u) * w + id.x] = s1; v0[(row + 2u) * w + id.x] = s2; v0[(row + 3u) * w + id.x] = s3;
}`;

/** A tile of 64 x 64 per workgroup through workgroup memory, 4 x 4 per invocation. */
const tiledProduct = (n) => `
${bindings(3, "vec4<f32>")}
const w = ${n / 4}u;
var<workgroup> ta: array<array<f32, 65>, 16>;
var<workgroup> tb: array<array<vec4<f32>, 16>, 16>;
@compute @workgroup_size(16, 16) fn main(@builtin(workgroup_id) g: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let i = l.y * 16u + l.x;
  var s = array<vec4<f32>, 4>();
  for (var k = 0u; k < ${n}u; k += 16u) {
    let a = v1[(g.y * 64u + i / 4u) * w + k / 4u + i % 4u];
    for (var c = 0u; c < 4u; c++) { ta[(i % 4u) * 4u + c][i / 4u] = a[c]; }
    tb[l.y][l.x] = v2[(k + l.y) * w + g.x * 16u + l.x];
    workgroupBarrier();
    for (var q = 0u; q < 16u; q++) {
      let b = tb[q][l.x];
      for (var r = 0u; r < 4u; r++) { s[r] += ta[q][l.y * 4u + r] * b; }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) { v0[(g.y * 64u + l.y * 4u + r) * w + g.x * 16u + l.x] = s[r]; }
}`;

const pointwise = (n) => `
${bindings(4, "vec4<f32>")}
@compute @workgroup_size(256) fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) g: vec3<u32>) {
  for (var i = id.x; i < ${n / 4}u; i += g.x * 256u) { v0[i] = v1[i] * v2[i] + v3[i]; }
}`;

/** Each of `lanes` invocations adds every `lanes`-th vector; no barriers. */
const partialSums = (vectors, lanes) => `
@group(0) @binding(0) var<storage, read_write> v0: array<f32>;
@group(0) @binding(1) var<storage, read_write> v1: array<vec4<f32>>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  var s = vec4<f32>();
  if (id.x >= ${lanes}u) { return; }
  for (var i = id.x; i < ${vectors}u; i += ${lanes}u) { s += v1[i]; }
  v0[id.x] = (s.x + s.y) + (s.z + s.w);
}`;

/** A row per workgroup, through workgroup memory. */
const softmaxByGroup = (n) => `
${bindings(2)}
var<workgroup> part: array<f32, 256>;
fn all(l: u32, value: f32, greatest: bool) -> f32 {
  part[l] = value;
  workgroupBarrier();
  for (var h = 128u; h > 0u; h = h / 2u) {
    if (l < h) { part[l] = select(part[l] + part[l + h], max(part[l], part[l + h]), greatest); }
    workgroupBarrier();
  }
  let r = part[0];
  workgroupBarrier();
  return r;
}
@compute @workgroup_size(256) fn main(@builtin(workgroup_id) g: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let base = g.x * ${n}u;
  var m = -3.0e38;
  for (var j = id.x; j < ${n}u; j += 256u) { m = max(m, v1[base + j]); }
  m = all(id.x, m, true);
  var s = 0.0;
  for (var j = id.x; j < ${n}u; j += 256u) { s += exp(v1[base + j] - m); }
  s = all(id.x, s, false);
  for (var j = id.x; j < ${n}u; j += 256u) { v0[base + j] = exp(v1[base + j] - m) / s; }
}`;

/** A row per invocation. */
const softmaxByLane = (rows, n) => `
${bindings(2, "vec4<f32>")}
@compute @workgroup_size(16) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= ${rows}u) { return; }
  let base = id.x * ${n / 4}u;
  var m = vec4<f32>(-3.0e38);
  for (var j = 0u; j < ${n / 4}u; j++) { m = max(m, v1[base + j]); }
  let peak = max(max(m.x, m.y), max(m.z, m.w));
  var s = vec4<f32>();
  for (var j = 0u; j < ${n / 4}u; j++) { let e = exp(v1[base + j] - peak); v0[base + j] = e; s += e; }
  let scale = 1.0 / ((s.x + s.y) + (s.z + s.w));
  for (var j = 0u; j < ${n / 4}u; j++) { v0[base + j] *= scale; }
}`;

/** One pixel of eight channels per invocation. */
const convolution = ({ from, size, to }) => `
${bindings(3)}
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  const s = ${size}u;
  if (id.x >= s * s) { return; }
  let y = id.x / s; let x = id.x % s; let m = id.y * 8u;
  var sum = array<f32, 8>();
  for (var c = 0u; c < ${from}u; c++) {
    let image = (id.z * ${from}u + c) * s * s;
    for (var u = 0u; u < 3u; u++) {
      if (y + u < 1u || y + u > s) { continue; }
      for (var v = 0u; v < 3u; v++) {
        if (x + v < 1u || x + v > s) { continue; }
        let value = v1[image + (y + u - 1u) * s + x + v - 1u];
        let weight = (m * ${from}u + c) * 9u + u * 3u + v;
        ${Array.from({ length: 8 }, (_, k) => `sum[${k}] += value * v2[weight + ${k * from * 9}u];`).join(" ")}
      }
    }
  }
  for (var k = 0u; k < 8u; k++) { v0[(id.z * ${to}u + m + k) * s * s + id.x] = sum[k]; }
}`;

/** The chain's addition as a library would have to write it: parameters in a uniform, at a place of its own for each dispatch. */
const addition = `
struct Parameters { n: u32, start: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> v0: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> v1: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> v2: array<vec4<f32>>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x * 4u < p.n) { v0[id.x] = v1[id.x] + v2[id.x]; }
}`;

/** Tasks on a device, without a library. */
export function bareColumn(device) {
  const { queue } = device;
  const made = [];
  const buffer = (size, usage = STORAGE) => {
    const b = device.createBuffer({ size, usage });
    made.push(b);
    return b;
  };
  const upload = (values) => {
    const b = buffer(values.byteLength);
    queue.writeBuffer(b, 0, values);
    return b;
  };
  const pipelineOf = (code, layout = "auto") =>
    device.createComputePipeline({ layout, compute: { module: device.createShaderModule({ code }), entryPoint: "main" } });
  const step = (code, buffers, x, y = 1, z = 1) => {
    const pipeline = pipelineOf(code);
    const entries = buffers.map((b, binding) => ({ binding, resource: { buffer: b } }));
    return { pipeline, group: device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }), x, y, z };
  };
  const read = async (source, n) => {
    const target = device.createBuffer({ size: 4 * n, usage: READ });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, target, 0, 4 * n);
    queue.submit([encoder.finish()]);
    await target.mapAsync(1);
    const values = new Float32Array(target.getMappedRange()).slice();
    target.destroy();
    return values;
  };
  const runSteps = (steps) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const { pipeline, group, x, y, z } of steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(x, y, z);
    }
    pass.end();
    queue.submit([encoder.finish()]);
    return queue.onSubmittedWorkDone();
  };
  /** The fastest of several ways, by the better of two runs after one that compiles. */
  const fastest = async (ways) => {
    let best = null;
    let least = Number.POSITIVE_INFINITY;
    for (const way of ways) {
      let time = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 3; i++) {
        const start = performance.now();
        await runSteps(way.steps);
        if (i > 0) time = Math.min(time, performance.now() - start);
      }
      if (time < least) {
        least = time;
        best = way;
      }
    }
    return best;
  };
  const task = async (out, n, ways) => {
    const { steps, note } = await fastest(ways);
    return {
      run: () => runSteps(steps),
      result: () => read(out, n),
      note,
      dispose: () => {
        for (const b of made.splice(0)) b.destroy();
      },
    };
  };

  const tasks = {
    async matmul({ n }, [a, b]) {
      const out = buffer(4 * n * n);
      const all = [out, upload(a), upload(b)];
      return await task(out, n * n, [
        { steps: [step(directProduct(n), all, n / 32, n / 32)], note: "4 x 4 per invocation from memory" },
        { steps: [step(tiledProduct(n), all, n / 64, n / 64)], note: "tiles of 64 x 64 in workgroup memory" },
      ]);
    },
    async pointwise({ n }, inputs) {
      const out = buffer(4 * n);
      const groups = Math.min(Math.ceil(n / 1024), 65535);
      return await task(out, n, [{ steps: [step(pointwise(n), [out, ...inputs.map(upload)], groups)] }]);
    },
    async sum({ n }, [x]) {
      const [first, second, out] = [buffer(4 * 16384), buffer(4 * 128), buffer(4)];
      const steps = [
        step(partialSums(n / 4, 16384), [first, upload(x)], 256),
        step(partialSums(4096, 128), [second, first], 2),
        step(partialSums(32, 1), [out, second], 1),
      ];
      return await task(out, 1, [{ steps }]);
    },
    async softmax({ rows, n }, [x]) {
      const out = buffer(4 * rows * n);
      const all = [out, upload(x)];
      return await task(out, rows * n, [
        { steps: [step(softmaxByLane(rows, n), all, Math.ceil(rows / 16))], note: "a row per invocation" },
        { steps: [step(softmaxByGroup(n), all, rows)], note: "a row per workgroup" },
      ]);
    },
    async convolution(size, [x, w]) {
      const count = size.batch * size.to * size.size ** 2;
      const out = buffer(4 * count);
      const groups = Math.ceil(size.size ** 2 / 64);
      return await task(out, count, [{ steps: [step(convolution(size), [out, upload(x), upload(w)], groups, size.to / 8, size.batch)] }]);
    },
    /** Bind groups made before, one uniform with a dynamic offset for each dispatch, written once at the end. */
    async chain({ length }, [x, y]) {
      const storage = [1, 2, 3].map((binding) => ({ binding, visibility: 4, buffer: { type: "storage" } }));
      const uniform = { binding: 0, visibility: 4, buffer: { type: "uniform", hasDynamicOffset: true } };
      const layout = device.createBindGroupLayout({ entries: [uniform, ...storage] });
      const pipeline = pipelineOf(addition, device.createPipelineLayout({ bindGroupLayouts: [layout] }));
      const stride = device.limits.minUniformBufferOffsetAlignment;
      const words = new Uint32Array((stride / 4) * length);
      const parameters = buffer(words.byteLength, UNIFORM);
      const [first, addend, ping, pong] = [upload(x), upload(y), buffer(16), buffer(16)];
      const group = (out, from) =>
        device.createBindGroup({
          layout,
          entries: [{ buffer: parameters, size: 16 }, { buffer: out }, { buffer: from }, { buffer: addend }].map((resource, binding) => ({
            binding,
            resource,
          })),
        });
      const start = group(ping, first);
      const turns = [group(ping, pong), group(pong, ping)];
      const offsets = new Uint32Array(1);
      return {
        ops: length,
        run: () => {
          const encoder = device.createCommandEncoder();
          const pass = encoder.beginComputePass();
          pass.setPipeline(pipeline);
          for (let i = 0; i < length; i++) {
            const at = i * stride;
            words[at / 4] = 4;
            words[at / 4 + 1] = 0;
            offsets[0] = at;
            pass.setBindGroup(0, i === 0 ? start : turns[i % 2], offsets, 0, 1);
            pass.dispatchWorkgroups(1);
          }
          pass.end();
          queue.writeBuffer(parameters, 0, words);
          queue.submit([encoder.finish()]);
          return queue.onSubmittedWorkDone();
        },
        result: () => read(length % 2 === 1 ? ping : pong, 4),
        dispose: () => {
          for (const b of made.splice(0)) b.destroy();
        },
      };
    },
  };
  return {
    async prepare(row) {
      const make = tasks[row.kind];
      return make === undefined ? "a library's work" : await make(row.size, row.inputs());
    },
  };
}
