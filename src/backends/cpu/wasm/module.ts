import { text, typeCodes, uleb, type ValueType } from "./encoding.ts";
import { FunctionBuilder } from "./function.ts";

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
