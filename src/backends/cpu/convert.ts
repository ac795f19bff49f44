import type { ComputeType, DType } from "../../core/dtype.ts";
import type { Codegen } from "./codegen.ts";

/** Conversions of the value on the stack, between compute types and to the width of a dtype. */

const isFloat = (type: ComputeType): boolean => type === "f32" || type === "f64";

/** From one compute type to another. Floats go to integers as on x86: what does not fit, NaN too, becomes the least integer. */
export function convert(g: Codegen, from: ComputeType, to: ComputeType): void {
  if (from === to) return;
  if (to === "bool") toBool(g, from);
  else if (from === "bool") fromBool(g, to);
  else if (isFloat(from) && !isFloat(to)) floatToInt(g, from as "f32" | "f64", to as "i32" | "i64");
  else if (g.lanes === 4) g.f.op("f32x4.convert_i32x4_s");
  else if (from === "f32") g.f.op("f64.promote_f32");
  else if (from === "f64") g.f.op("f32.demote_f64");
  else if (to === "i32") g.f.op("i32.wrap_i64");
  else if (to === "i64") g.f.op("i64.extend_i32_s");
  else g.f.op(`${to as "f32" | "f64"}.convert_${from as "i32" | "i64"}_s`);
}

/** NaN is true, being unequal to zero. */
function toBool(g: Codegen, from: ComputeType): void {
  if (g.lanes > 1 || isFloat(from)) g.constant(0, from);
  else g.integer(from, 0);
  g.op(from, "ne");
}

function fromBool(g: Codegen, to: ComputeType): void {
  if (g.lanes > 1) g.constant(1, to).f.op("v128.and");
  else if (to === "i64") g.f.op("i64.extend_i32_u");
  else if (to !== "i32") g.f.op(`${to as "f32" | "f64"}.convert_i32_s`);
}

function floatToInt(g: Codegen, from: "f32" | "f64", to: "i32" | "i64"): void {
  const f = g.f;
  const x = f.local(g.lanes > 1 ? "v128" : from);
  // Saturation is right below; above, and for NaN, the comparison fails.
  const bound = to === "i32" ? 2 ** 31 : 2 ** 63;
  const least = to === "i32" ? -(2 ** 31) : -(2n ** 63n);
  f.tee(x).op(g.lanes > 1 ? "i32x4.trunc_sat_f32x4_s" : `${to}.trunc_sat_${from}_s`);
  g.constant(least, to);
  f.get(x);
  g.constant(bound, from).op(from, "lt").choose();
}

/** To a dtype: integers wrap to its width, half floats round. */
export function toDType(g: Codegen, from: ComputeType, dtype: DType): void {
  // PyTorch goes to uint8 through int64. Vectors need not: every float32 beyond int32 is a multiple of 256.
  if (dtype.name === "uint8" && isFloat(from) && g.lanes === 1) {
    convert(g, from, "i64");
    convert(g, "i64", "i32");
  } else convert(g, from, dtype.compute);
  narrow(g, dtype);
}

/** Wraps an i32 to the width of a small integer, rounds an f32 to a half float; other dtypes are what they compute in. */
function narrow(g: Codegen, dtype: DType): void {
  const f = g.f;
  if (dtype.name === "uint8") g.constant(255, "i32").bits("i32", "and");
  else if (dtype.name === "int8" || dtype.name === "int16") {
    if (g.lanes === 1) f.op(dtype.name === "int8" ? "i32.extend8_s" : "i32.extend16_s");
    else {
      const by = dtype.name === "int8" ? 24 : 16;
      f.i32(by).op("i32x4.shl").i32(by).op("i32x4.shr_s");
    }
  } else if (dtype.itemsize === 2 && dtype.isFloatingPoint) {
    if (g.lanes === 1) f.op("f32x4.splat");
    toHalfBits(g, dtype);
    fromHalfBits(g, dtype);
    if (g.lanes === 1) f.lane("f32x4.extract_lane", 0);
  }
}

/** A vector constant, whatever the region's lanes are. */
function i32x4(g: Codegen, value: number): void {
  g.f.get(g.f.hoist("v128", `i32x4:${value}`, () => g.f.v128("i32x4", value)));
}

/** From four float32 to the bits of four half floats, in the low 16 bits of each lane; halfway cases go to even. */
export function toHalfBits(g: Codegen, dtype: DType): void {
  const f = g.f;
  const [x, size] = [f.local("v128"), f.local("v128")];
  const keptBits = dtype.name === "float16" ? 13 : 16;
  f.set(x);
  // size: the bits without the sign
  f.get(x);
  i32x4(g, 0x7fffffff);
  f.op("v128.and").set(size);
  // rounded: (size [- bias] + half - 1 + the lowest kept bit) >> kept
  f.get(size);
  if (dtype.name === "float16") {
    i32x4(g, (127 - 15) << 23);
    f.op("i32x4.sub");
  }
  i32x4(g, (1 << (keptBits - 1)) - 1);
  f.op("i32x4.add").get(size).i32(keptBits).op("i32x4.shr_u");
  i32x4(g, 1);
  f.op("v128.and").op("i32x4.add").i32(keptBits).op("i32x4.shr_u");
  if (dtype.name === "float16") {
    i32x4(g, 0x7c00);
    f.op("i32x4.min_u");
    // Below 2^-14 the steps are those of float32 just above 0.5, so the sum with 0.5 is rounded to them.
    f.get(size);
    i32x4(g, 0x3f000000);
    f.op("f32x4.add");
    i32x4(g, 0x3f000000);
    f.op("i32x4.sub").get(size);
    i32x4(g, 0x38800000);
    f.op("i32x4.ge_s").op("v128.bitselect");
  }
  // NaN
  i32x4(g, dtype.name === "float16" ? 0x7e00 : 0x7fc0);
  f.get(size);
  i32x4(g, 0x7f800000);
  f.op("i32x4.le_s").op("v128.bitselect");
  // the sign
  f.get(x).i32(16).op("i32x4.shr_u");
  i32x4(g, 0x8000);
  f.op("v128.and").op("v128.or");
}

/** From the bits of four half floats (the upper halves of the lanes are zero) to float32. */
export function fromHalfBits(g: Codegen, dtype: DType): void {
  const f = g.f;
  if (dtype.name === "bfloat16") {
    f.i32(16).op("i32x4.shl");
    return;
  }
  const [h, size] = [f.local("v128"), f.local("v128")];
  f.tee(h);
  i32x4(g, 0x7fff);
  f.op("v128.and").tee(size).i32(13).op("i32x4.shl");
  // The exponent's bias by a product, which is right for subnormal numbers too: 2^112.
  i32x4(g, (127 + 112) << 23);
  f.op("f32x4.mul").get(size);
  i32x4(g, 0x7bff);
  f.op("i32x4.gt_s");
  i32x4(g, 0x7f800000);
  f.op("v128.and").op("v128.or").get(h);
  i32x4(g, 0x8000);
  f.op("v128.and").i32(16).op("i32x4.shl").op("v128.or");
}
