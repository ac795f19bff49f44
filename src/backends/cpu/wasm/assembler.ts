import { type Opcode, opcodes } from "./opcodes.ts";

/**
 * An assembler for WebAssembly binary modules.
 *
 * A module is built in one pass: imports first, then functions. A function appends instructions in stack order; every method that appends
 * returns the function, so that short sequences chain:
 *
 *     const m = new ModuleBuilder();
 *     m.importMemory("env", "memory", { initial: 1, maximum: 65536, shared: true });
 *     const exp = m.importFunction("host", "exp", ["f64"], ["f64"]);     // an index for `call`
 *     const f = m.func("run", ["i32", "i32", "i32"]);                    // exported; parameters are locals 0, 1, 2
 *     const x = f.local("v128");
 *     f.loop((top) => {                                                  // while locals[2] -= 4: out[i] = a[i] + a[i]
 *       f.get(0).load("v128.load").tee(x).get(x).op("f32x4.add").set(x);
 *       f.get(1).get(x).store("v128.store", 0);
 *       f.bump(0, 16).bump(1, 16);
 *       f.get(2).i32(4).op("i32.sub").tee(2).brIf(top);
 *     });
 *     const { run } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()), imports).exports;
 *
 * - `op(name)` any instruction without immediates; `get`/`set`/`tee` locals; `i32`/`i64`/`f32`/`f64`/`v128` constants;
 *   `load(name, offset)`/`store(name, offset)` memory; `loadLane`/`storeLane`/`lane`/`shuffle` what names lanes.
 * - `block`/`loop`/`if` take the body as a function of a label; `br(label)` and `brIf(label)` leave a block or repeat a loop.
 * - `hoist(type, key, make)` makes a local that is computed once, in the function's prologue, before anything appended otherwise.
 * - `functionText` and `moduleText` (text.ts) show what was generated.
 *
 * Nothing is validated here: `new WebAssembly.Module` does that.
 */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

const typeCodes: { readonly [K in ValueType]: number } = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const ops: { readonly [name: string]: number } = opcodes;

const scratch = new DataView(new ArrayBuffer(16));

/** Appends an unsigned LEB128 number. */
function uleb(out: number[], n: number): void {
  while (n > 0x7f) {
    out.push((n & 0x7f) | 0x80);
    n = Math.floor(n / 128);
  }
  out.push(n);
}

/** Appends a signed LEB128 number of at most 32 bits. */
function sleb(out: number[], n: number): void {
  for (;;) {
    const byte = n & 0x7f;
    n >>= 7;
    if ((n === 0 && (byte & 0x40) === 0) || (n === -1 && (byte & 0x40) !== 0)) {
      out.push(byte);
      return;
    }
    out.push(byte | 0x80);
  }
}

function slebBig(out: number[], n: bigint): void {
  for (;;) {
    const byte = Number(n & 0x7fn);
    n >>= 7n;
    if ((n === 0n && (byte & 0x40) === 0) || (n === -1n && (byte & 0x40) !== 0)) {
      out.push(byte);
      return;
    }
    out.push(byte | 0x80);
  }
}

function text(out: number[], s: string): void {
  uleb(out, s.length);
  for (let i = 0; i < s.length; i++) out.push(s.charCodeAt(i));
}

function opcode(out: number[], name: string): void {
  const code = ops[name];
  if (code === undefined) throw new Error(`no such instruction: ${name}`);
  if (code <= 0xff) out.push(code);
  else if (code <= 0xffff) out.push(0xfc, code & 0xff);
  else {
    out.push(0xfd);
    uleb(out, code & 0xffff);
  }
}

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
   * A local that `make` computes in the prologue (it leaves one value on the stack). Equal keys share the local. V8 rebuilds vector constants
   * inside loops, so every constant of a loop belongs here.
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

/** The type of an imported memory, in pages of 64 KiB. */
export interface MemoryType {
  readonly initial: number;
  readonly maximum?: number;
  readonly shared?: boolean;
}

/** A module under construction. Functions are imported before the first one is built. */
export class ModuleBuilder {
  readonly #types: string[] = [];
  readonly #typeBytes: number[] = [];
  readonly #imports: number[] = [];
  readonly #importKeys = new Map<string, number>();
  #importCount = 0;
  #functionImports = 0;
  readonly #functions: FunctionBuilder[] = [];
  readonly #exported: FunctionBuilder[] = [];
  /** The imported functions, in the order of their indices. */
  readonly imported: { readonly name: string; readonly params: readonly ValueType[]; readonly results: readonly ValueType[] }[] = [];

  #type(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params.join()}:${results.join()}`;
    let index = this.#types.indexOf(key);
    if (index < 0) {
      index = this.#types.push(key) - 1;
      this.#typeBytes.push(0x60);
      for (const list of [params, results]) {
        uleb(this.#typeBytes, list.length);
        for (const t of list) this.#typeBytes.push(typeCodes[t]);
      }
    }
    return index;
  }

  /** Imports the memory that loads and stores address. */
  importMemory(module: string, name: string, type: MemoryType): void {
    text(this.#imports, module);
    text(this.#imports, name);
    this.#imports.push(0x02, (type.maximum === undefined ? 0 : 1) | (type.shared === true ? 2 : 0));
    uleb(this.#imports, type.initial);
    if (type.maximum !== undefined) uleb(this.#imports, type.maximum);
    this.#importCount++;
  }

  /** Imports a function and returns its index for `call`; the same name twice gives the same index. */
  importFunction(module: string, name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${module}.${name}`;
    const known = this.#importKeys.get(key);
    if (known !== undefined) return known;
    if (this.#functions.length > 0) throw new Error("import functions before the first function is built");
    text(this.#imports, module);
    text(this.#imports, name);
    this.#imports.push(0x00);
    uleb(this.#imports, this.#type(params, results));
    this.#importCount++;
    this.#importKeys.set(key, this.#functionImports);
    this.imported.push({ name: key, params, results });
    return this.#functionImports++;
  }

  /** Starts a function; it is exported under its name unless `exported` is false. */
  func(name: string, params: readonly ValueType[], results: readonly ValueType[] = [], exported: boolean = true): FunctionBuilder {
    const f = new FunctionBuilder(this.#functionImports + this.#functions.length, name, params, results);
    this.#functions.push(f);
    if (exported) this.#exported.push(f);
    return f;
  }

  /** The binary module. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const out: number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
    const functionTypes: number[] = [];
    for (const f of this.#functions) uleb(functionTypes, this.#type(f.params, f.results));
    const exports: number[] = [];
    for (const f of this.#exported) {
      text(exports, f.name);
      exports.push(0x00);
      uleb(exports, f.index);
    }
    const bodies = this.#functions.map((f) => f.encode());
    section(out, 1, this.#types.length, this.#typeBytes);
    if (this.#importCount > 0) section(out, 2, this.#importCount, this.#imports);
    section(out, 3, this.#functions.length, functionTypes);
    section(out, 7, this.#exported.length, exports);
    const count: number[] = [];
    uleb(count, bodies.length);
    const lengths = bodies.map((body) => {
      const length: number[] = [];
      uleb(length, body.length);
      return length;
    });
    let content = count.length;
    bodies.forEach((body, k) => {
      content += body.length + lengths[k]!.length;
    });
    out.push(10);
    uleb(out, content);
    out.push(...count);
    const bytes = new Uint8Array(out.length + content - count.length);
    bytes.set(out, 0);
    let at = out.length;
    bodies.forEach((body, k) => {
      bytes.set(lengths[k]!, at);
      at += lengths[k]!.length;
      bytes.set(body, at);
      at += body.length;
    });
    return bytes;
  }

  /** The functions built here, for their text form. */
  get functions(): readonly FunctionBuilder[] {
    return this.#functions;
  }
}

function section(out: number[], id: number, count: number, content: readonly number[]): void {
  const head: number[] = [];
  uleb(head, count);
  out.push(id);
  uleb(out, head.length + content.length);
  for (const b of head) out.push(b);
  for (const b of content) out.push(b);
}
