import type { ComputeType, DType } from "../../core/dtype.ts";
import { type Codegen, type Lanes, shapeOf, valueType } from "./codegen.ts";
import { convert, fromHalfBits, toHalfBits } from "./convert.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";
import type { Opcode } from "./wasm/opcodes.ts";

/** Loads and stores of elements of every dtype, as numbers and as vectors, converted between the dtype and a compute type. */

const isHalf = (dtype: DType): boolean => dtype.isFloatingPoint && dtype.itemsize === 2;

/** Whether elements of a dtype can be loaded as vectors of a compute type. */
export function vectorElements(dtype: DType, type: ComputeType, lanes: Lanes): boolean {
  if (lanes === 4) {
    if (dtype.name === "float64") return type === "f32";
    if (dtype.name === "int64") return type === "i32";
    return true;
  }
  if (dtype.name === "bool") return true;
  if (dtype.name === "float32") return type === "f64";
  if (dtype.name === "int32") return type === "f64" || type === "i64";
  return dtype.itemsize === 8 && (dtype.compute === type || type === "bool");
}

/** Whether vectors of a compute type can be stored as elements of a dtype. */
export function vectorStores(dtype: DType, type: ComputeType, lanes: Lanes): boolean {
  if (lanes === 2 && dtype.name === "int32") return type === "i64";
  if (lanes === 4 && dtype.itemsize === 8 && type === "bool") return true;
  return vectorElements(dtype, type, lanes);
}

const scalarLoads: { readonly [name: string]: Opcode } = {
  bool: "i32.load8_u",
  uint8: "i32.load8_u",
  int8: "i32.load8_s",
  int16: "i32.load16_s",
  int32: "i32.load",
  int64: "i64.load",
  float16: "v128.load16_splat",
  bfloat16: "v128.load16_splat",
  float32: "f32.load",
  float64: "f64.load",
};
const scalarStores: { readonly [name: string]: Opcode } = {
  bool: "i32.store8",
  uint8: "i32.store8",
  int8: "i32.store8",
  int16: "i32.store16",
  int32: "i32.store",
  int64: "i64.store",
  float32: "f32.store",
  float64: "f64.store",
};

/** The element at the address on the stack, as a number of the dtype's compute type. */
function loadNumber(g: Codegen, dtype: DType, offset: number): void {
  const f = g.f;
  f.load(scalarLoads[dtype.name]!, offset);
  if (!isHalf(dtype)) return;
  f.get(f.hoist("v128", "i32x4:65535", () => f.v128("i32x4", 65535))).op("v128.and");
  fromHalfBits(g, dtype);
  f.lane("f32x4.extract_lane", 0);
}

/** A scalar region's element, converted to `type`. */
export function loadScalar(g: Codegen, dtype: DType, type: ComputeType, offset: number = 0): void {
  loadNumber(g, dtype, offset);
  convert(g, dtype.compute, type);
}

/** Stores a number: the address and the value, of `type`, are on the stack. */
export function storeScalar(g: Codegen, dtype: DType, type: ComputeType, offset: number = 0): void {
  const f = g.f;
  if (dtype.name === "uint8" && (type === "f32" || type === "f64")) {
    convert(g, type, "i64");
    convert(g, "i64", "i32");
  } else convert(g, type, dtype.compute);
  if (!isHalf(dtype)) {
    f.store(scalarStores[dtype.name]!, offset);
    return;
  }
  f.op("f32x4.splat");
  toHalfBits(g, dtype);
  f.storeLane(16, 0, offset);
}

/** One element, at the address on the stack, in all lanes. */
export function loadSplat(g: Codegen, dtype: DType, type: ComputeType): void {
  const f = g.f;
  if (dtype.compute !== "bool" && (dtype.itemsize === 4 ? g.lanes === 4 : dtype.itemsize === 8 && g.lanes === 2)) {
    f.load(dtype.itemsize === 4 ? "v128.load32_splat" : "v128.load64_splat");
  } else {
    loadNumber(g, dtype, 0);
    narrowNumber(g, dtype, type);
    g.splat(inRegister(g, dtype, type));
  }
  convertLanes(g, dtype, type);
}

/** What a vector region computes with for a dtype: 64-bit elements in four lanes come as 32 bits, and 32-bit elements in two as 64. */
function inRegister(g: Codegen, dtype: DType, type: ComputeType): ComputeType {
  const t = dtype.compute;
  if (t === "bool") return t;
  if (g.lanes === 4) return t === "f64" ? "f32" : t === "i64" ? "i32" : t;
  return t === "f32" ? "f64" : t === "i32" ? (type === "f64" ? "f64" : "i64") : t;
}

/** Brings a loaded number to the type of the region's lanes. */
function narrowNumber(g: Codegen, dtype: DType, type: ComputeType): void {
  const from = dtype.compute;
  const to = inRegister(g, dtype, type);
  if (from === to) return;
  if (to === "f32") g.f.op("f32.demote_f64");
  else if (to === "i32") g.f.op("i32.wrap_i64");
  else if (to === "i64") g.f.op("i64.extend_i32_s");
  else g.f.op(from === "f32" ? "f64.promote_f32" : "f64.convert_i32_s");
}

/** From a dtype's lanes to the wanted type. */
function convertLanes(g: Codegen, dtype: DType, type: ComputeType): void {
  convert(g, inRegister(g, dtype, type), type);
}

/** Consecutive elements from the address in a local. */
export function loadVector(g: Codegen, dtype: DType, type: ComputeType, pointer: number, offset: number = 0): void {
  const f = g.f.get(pointer);
  if (g.lanes === 2) {
    if (dtype.name === "int32" && type === "f64") {
      f.load("v128.load64_zero", offset).op("f64x2.convert_low_i32x4_s");
      return;
    }
    if (dtype.name === "float32") f.load("v128.load64_zero", offset).op("f64x2.promote_low_f32x4");
    else if (dtype.name === "int32") f.load("v128.load32x2_s", offset);
    else if (dtype.name === "bool") {
      f.load("i32.load16_u", offset)
        .op("i32x4.splat")
        .op("i16x8.extend_low_i8x16_u")
        .op("i32x4.extend_low_i16x8_u")
        .op("i64x2.extend_low_i32x4_u");
      zero(g).op("i64x2.ne");
    } else f.load("v128.load", offset);
  } else if (dtype.itemsize === 1) {
    f.load("v128.load32_zero", offset);
    const sign = dtype.name === "int8" ? "s" : "u";
    f.op(`i16x8.extend_low_i8x16_${sign}`).op(`i32x4.extend_low_i16x8_${sign}`);
    if (dtype.name === "bool") zero(g).op("i32x4.ne");
  } else if (dtype.itemsize === 2) {
    f.load(dtype.name === "int16" ? "v128.load16x4_s" : "v128.load16x4_u", offset);
    if (isHalf(dtype)) fromHalfBits(g, dtype);
  } else if (dtype.itemsize === 8) {
    f.load("v128.load", offset);
    if (dtype.name === "float64") f.op("f32x4.demote_f64x2_zero");
    f.get(pointer).load("v128.load", offset + 16);
    if (dtype.name === "float64") f.op("f32x4.demote_f64x2_zero").shuffle32(0, 1, 4, 5);
    else f.shuffle32(0, 2, 4, 6);
  } else f.load("v128.load", offset);
  convertLanes(g, dtype, type);
}

/** Every other one of 32-bit elements from the address in a local. */
export function loadPaired(g: Codegen, dtype: DType, type: ComputeType, pointer: number, offset: number): void {
  g.f
    .get(pointer)
    .load("v128.load", offset)
    .get(pointer)
    .load("v128.load", offset + 16)
    .shuffle32(0, 2, 4, 6);
  convertLanes(g, dtype, type);
}

function zero(g: Codegen): FunctionBuilder {
  return g.f.get(g.f.hoist("v128", "i32x4:0", () => g.f.v128("i32x4", 0)));
}

/** One element of each lane, at the addresses that `address(lane)` leaves on the stack. */
export function loadStrided(g: Codegen, dtype: DType, type: ComputeType, address: (lane: number) => void): void {
  const f = g.f;
  if (dtype.compute !== "bool" && dtype.itemsize === 16 / g.lanes) {
    const bits = dtype.itemsize === 4 ? 32 : 64;
    const v = f.local("v128");
    address(0);
    f.load(bits === 32 ? "v128.load32_zero" : "v128.load64_zero").set(v);
    for (let lane = 1; lane < g.lanes; lane++) {
      address(lane);
      f.get(v).loadLane(bits, lane).set(v);
    }
    f.get(v);
  } else {
    const lanes = inRegister(g, dtype, type);
    const v = f.local("v128");
    for (let lane = 0; lane < g.lanes; lane++) {
      if (lane > 0) f.get(v);
      address(lane);
      loadNumber(g, dtype, 0);
      narrowNumber(g, dtype, type);
      if (lanes === "bool" && g.lanes === 2) f.op("i64.extend_i32_u");
      if (lane === 0) f.op(`${shapeOf(lanes, g.lanes)}.splat` as Opcode);
      else f.lane(`${shapeOf(lanes, g.lanes)}.replace_lane` as Opcode, lane);
      f.set(v);
    }
    f.get(v);
    if (lanes === "bool") zero(g).op(g.lanes === 4 ? "i32x4.ne" : "i64x2.ne");
  }
  convertLanes(g, dtype, type);
}

/** Vectors ready to be stored: their elements lie at the front, of `bits` each, `perVector` in one. */
export interface Packed {
  readonly vectors: readonly number[];
  readonly bits: 8 | 16 | 32 | 64;
  readonly perVector: number;
}

const BYTES_OF_32 = [0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const BYTES_OF_64 = [0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const HALVES_OF_32 = [0, 1, 4, 5, 8, 9, 12, 13, 0, 0, 0, 0, 0, 0, 0, 0];

/** Converts the vector on the stack, of `type`, to elements of a dtype. */
export function pack(g: Codegen, dtype: DType, type: ComputeType): Packed {
  const f = g.f;
  const out = f.local("v128");
  if (g.lanes === 2) {
    if (dtype.name === "float32" && type === "f64") f.op("f32x4.demote_f64x2_zero");
    else if (dtype.name === "int32" && type === "i64") f.set(out).get(out).get(out).shuffle32(0, 2, 0, 2);
    else convert(g, type, dtype.compute);
    if (dtype.name === "bool") {
      f.set(out).get(out).get(out).shuffle(BYTES_OF_64);
      one(g).op("v128.and").set(out);
      return { vectors: [out], bits: 8, perVector: 2 };
    }
    f.set(out);
    return { vectors: [out], bits: dtype.itemsize === 4 ? 32 : 64, perVector: 2 };
  }
  if (dtype.itemsize === 8) {
    const high = f.local("v128");
    convert(g, type, dtype.name === "float64" ? "f32" : "i32");
    f.set(out);
    if (dtype.name === "float64") {
      f.get(out).get(out).shuffle32(2, 3, 2, 3).op("f64x2.promote_low_f32x4").set(high);
      f.get(out).op("f64x2.promote_low_f32x4").set(out);
    } else {
      f.get(out).op("i64x2.extend_high_i32x4_s").set(high);
      f.get(out).op("i64x2.extend_low_i32x4_s").set(out);
    }
    return { vectors: [out, high], bits: 64, perVector: 2 };
  }
  convert(g, type, dtype.compute);
  if (isHalf(dtype)) toHalfBits(g, dtype);
  if (dtype.itemsize < 4) {
    f.set(out)
      .get(out)
      .get(out)
      .shuffle(dtype.itemsize === 1 ? BYTES_OF_32 : HALVES_OF_32);
    if (dtype.name === "bool") one(g).op("v128.and");
  }
  f.set(out);
  return { vectors: [out], bits: dtype.itemsize === 1 ? 8 : dtype.itemsize === 2 ? 16 : 32, perVector: 4 };
}

function one(g: Codegen): FunctionBuilder {
  return g.f.get(g.f.hoist("v128", "i32x4:16843009", () => g.f.v128("i32x4", 0x01010101)));
}

/** Converts the four lanes on the stack, of `type`, to bools or to integers of a byte, and leaves them in a local. */
export function byteLanes(g: Codegen, dtype: DType, type: ComputeType): number {
  const f = g.f;
  const v = f.local("v128");
  convert(g, type, dtype.compute);
  if (dtype.name !== "bool") g.constant(255, "i32").bits("i32", "and");
  f.set(v);
  return v;
}

/** Stores sixteen elements of a byte each, from four vectors that `byteLanes` made. */
export function packBytes(g: Codegen, dtype: DType, pointer: number, vectors: readonly number[]): void {
  const f = g.f.get(pointer);
  const sign = dtype.name === "bool" ? "s" : "u";
  for (const k of [0, 2])
    f.get(vectors[k]!)
      .get(vectors[k + 1]!)
      .op(`i16x8.narrow_i32x4_${sign}`);
  f.op(`i8x16.narrow_i16x8_${sign}`);
  if (dtype.name === "bool") one(g).op("v128.and");
  f.store("v128.store");
}

/** Stores all elements of a packed value to consecutive places. */
export function storePacked(g: Codegen, packed: Packed, pointer: number, offset: number = 0): void {
  const bytes = (packed.bits / 8) * packed.perVector;
  packed.vectors.forEach((v, k) => {
    g.f.get(pointer).get(v);
    if (bytes === 16) g.f.store("v128.store", offset + 16 * k);
    else g.f.storeLane((8 * bytes) as 16 | 32 | 64, 0, offset);
  });
}

/** Stores one element of a packed value at the address that `address` leaves on the stack, plus an offset. */
export function storeOne(g: Codegen, packed: Packed, lane: number, address: () => void, offset: number): void {
  address();
  g.f.get(packed.vectors[Math.floor(lane / packed.perVector)]!).storeLane(packed.bits, lane % packed.perVector, offset);
}

/** A local for values of a compute type in a region. */
export const valueLocal = (g: Codegen, type: ComputeType): number => g.f.local(valueType(type, g.lanes));
