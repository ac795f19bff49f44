import { opcode, sleb, slebBig, typeCodes, uleb, type ValueType } from "./encoding.ts";
import type { Opcode } from "./opcodes.ts";

const scratch = new DataView(new ArrayBuffer(16));

/** The number of a block that a branch may name. */
export type Label = number;

/** A function under construction. Parameters are its first locals. */
export class FunctionBuilder {
  readonly index: number;
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly #locals: ValueType[] = [];
  readonly #prologue: number[] = [];
  readonly #body: number[] = [];
  readonly #hoisted = new Map<string, number>();
  #code: number[] = this.#body;
  #depth = 0;

  constructor(index: number, name: string, params: readonly ValueType[], results: readonly ValueType[]) {
    this.index = index;
    this.name = name;
    this.params = params;
    this.results = results;
  }

  /** A new local of a type, zero at first. */
  local(type: ValueType): number {
    this.#locals.push(type);
    return this.params.length + this.#locals.length - 1;
  }

  /**
   * A local that `make` computes in the prologue (it leaves one value on the stack). Equal keys share the local. V8 rebuilds vector
   * constants inside loops, so every constant of a loop belongs here.
   */
  hoist(type: ValueType, key: string, make: (f: this) => void): number {
    let local = this.#hoisted.get(key);
    if (local === undefined) {
      local = this.local(type);
      this.#hoisted.set(key, local);
      this.prologue(() => {
        make(this);
        this.set(local!);
      });
    }
    return local;
  }

  /** Appends what `make` appends to the prologue instead, which runs before the body. */
  prologue(make: () => void): void {
    const code = this.#code;
    this.#code = this.#prologue;
    make();
    this.#code = code;
  }

  /** Any instruction without immediates. */
  op(name: Opcode): this {
    opcode(this.#code, name);
    return this;
  }
  get(local: number): this {
    this.#code.push(0x20);
    uleb(this.#code, local);
    return this;
  }
  set(local: number): this {
    this.#code.push(0x21);
    uleb(this.#code, local);
    return this;
  }
  tee(local: number): this {
    this.#code.push(0x22);
    uleb(this.#code, local);
    return this;
  }
  i32(value: number): this {
    this.#code.push(0x41);
    sleb(this.#code, value | 0);
    return this;
  }
  i64(value: number | bigint): this {
    this.#code.push(0x42);
    if (typeof value === "number" && value === (value | 0)) sleb(this.#code, value);
    else slebBig(this.#code, BigInt.asIntN(64, BigInt(value)));
    return this;
  }
  f32(value: number): this {
    scratch.setFloat32(0, value, true);
    this.#code.push(0x43);
    return this.#bytes(4);
  }
  f64(value: number): this {
    scratch.setFloat64(0, value, true);
    this.#code.push(0x44);
    return this.#bytes(8);
  }
  /** A vector constant of 4 equal f32 or i32 lanes, or 2 equal f64 or i64 lanes. */
  v128(lane: "f32x4" | "i32x4" | "f64x2" | "i64x2", value: number | bigint): this {
    for (let k = 0; k < 16; k += lane === "f32x4" || lane === "i32x4" ? 4 : 8) {
      if (lane === "f32x4") scratch.setFloat32(k, Number(value), true);
      else if (lane === "i32x4") scratch.setInt32(k, Number(BigInt.asIntN(32, BigInt(value))), true);
      else if (lane === "f64x2") scratch.setFloat64(k, Number(value), true);
      else scratch.setBigInt64(k, BigInt.asIntN(64, BigInt(value)), true);
    }
    opcode(this.#code, "v128.const");
    return this.#bytes(16);
  }
  /** A vector constant of 16 bytes. */
  v128Bytes(bytes: ArrayLike<number>): this {
    opcode(this.#code, "v128.const");
    for (let k = 0; k < 16; k++) this.#code.push(bytes[k]! & 0xff);
    return this;
  }
  #bytes(n: number): this {
    for (let k = 0; k < n; k++) this.#code.push(scratch.getUint8(k));
    return this;
  }

  /** A load from the address on the stack, plus a constant offset. */
  load(name: Opcode, offset: number = 0): this {
    opcode(this.#code, name);
    return this.#memory(offset);
  }
  /** A store of the value on the stack to the address under it, plus a constant offset. */
  store(name: Opcode, offset: number = 0): this {
    opcode(this.#code, name);
    return this.#memory(offset);
  }
  /** Replaces one lane of the vector on the stack by what lies at the address under it. */
  loadLane(bits: 8 | 16 | 32 | 64, lane: number, offset: number = 0): this {
    opcode(this.#code, `v128.load${bits}_lane`);
    this.#memory(offset);
    this.#code.push(lane);
    return this;
  }
  /** Stores one lane of the vector on the stack to the address under it. */
  storeLane(bits: 8 | 16 | 32 | 64, lane: number, offset: number = 0): this {
    opcode(this.#code, `v128.store${bits}_lane`);
    this.#memory(offset);
    this.#code.push(lane);
    return this;
  }
  // The alignment is a hint only, and engines of today ignore it.
  #memory(offset: number): this {
    this.#code.push(0);
    uleb(this.#code, offset);
    return this;
  }
  /** `extract_lane` and `replace_lane`. */
  lane(name: Opcode, lane: number): this {
    opcode(this.#code, name);
    this.#code.push(lane);
    return this;
  }
  /** Chooses 16 bytes among the 32 of two vectors. */
  shuffle(bytes: readonly number[]): this {
    opcode(this.#code, "i8x16.shuffle");
    for (let k = 0; k < 16; k++) this.#code.push(bytes[k]!);
    return this;
  }
  /** Chooses four 32-bit lanes among the eight of two vectors. */
  shuffle32(a: number, b: number, c: number, d: number): this {
    opcode(this.#code, "i8x16.shuffle");
    for (const lane of [a, b, c, d]) this.#code.push(4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3);
    return this;
  }
  memoryCopy(): this {
    this.#code.push(0xfc, 0x0a, 0, 0);
    return this;
  }
  memoryFill(): this {
    this.#code.push(0xfc, 0x0b, 0);
    return this;
  }
  call(index: number): this {
    this.#code.push(0x10);
    uleb(this.#code, index);
    return this;
  }

  /** A block; a branch to its label leaves it. */
  block(body: (label: Label) => void): this {
    return this.#structured(0x02, body);
  }
  /** A block; a branch to its label starts it again. Without a branch it runs once. */
  loop(body: (label: Label) => void): this {
    return this.#structured(0x03, body);
  }
  /** Takes a condition from the stack. `type` is what both branches leave on the stack. */
  if(then: (label: Label) => void, otherwise?: (label: Label) => void, type?: ValueType): this {
    this.#code.push(0x04, type === undefined ? 0x40 : typeCodes[type]);
    const label = ++this.#depth;
    then(label);
    if (otherwise !== undefined) {
      this.#code.push(0x05);
      otherwise(label);
    }
    this.#depth--;
    this.#code.push(0x0b);
    return this;
  }
  #structured(code: number, body: (label: Label) => void): this {
    this.#code.push(code, 0x40);
    body(++this.#depth);
    this.#depth--;
    this.#code.push(0x0b);
    return this;
  }
  br(label: Label): this {
    this.#code.push(0x0c);
    uleb(this.#code, this.#depth - label);
    return this;
  }
  brIf(label: Label): this {
    this.#code.push(0x0d);
    uleb(this.#code, this.#depth - label);
    return this;
  }

  /** Adds a constant to an i32 local. */
  bump(local: number, by: number): this {
    return by === 0 ? this : this.get(local).i32(by).op("i32.add").set(local);
  }
  /** Adds an i32 local to an i32 local. */
  bumpBy(local: number, by: number): this {
    return this.get(local).get(by).op("i32.add").set(local);
  }

  /** The function's entry of the code section. */
  encode(): number[] {
    const out: number[] = [];
    const runs: [number, ValueType][] = [];
    for (const type of this.#locals) {
      const last = runs[runs.length - 1];
      if (last !== undefined && last[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    uleb(out, runs.length);
    for (const [n, type] of runs) {
      uleb(out, n);
      out.push(typeCodes[type]);
    }
    return out.concat(this.#prologue, this.#body, 0x0b);
  }

  /** The types of the locals that are not parameters, and the instructions' bytes: what the text form is made of. */
  inspect(): { locals: readonly ValueType[]; code: readonly number[] } {
    return { locals: this.#locals, code: [...this.#prologue, ...this.#body] };
  }
}
