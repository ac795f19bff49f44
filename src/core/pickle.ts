import { cannotPickle } from "./errors.ts";

/**
 * Note [Pickles]. Of Python's pickle format, protocol 2, only what plain data needs: None, bool, int, float, str, list and dict. Strings,
 * lists and dicts that occur again are referred to, as Python's own writer does, so that data which shares its parts stays small. The
 * format: https://docs.python.org/3/library/pickletools.html
 */
const code = {
  proto: 0x80,
  none: 0x4e,
  true: 0x88,
  false: 0x89,
  int8: 0x4b,
  int16: 0x4d,
  int32: 0x4a,
  long: 0x8a,
  float: 0x47,
  string: 0x58,
  list: 0x5d,
  dict: 0x7d,
  mark: 0x28,
  appends: 0x65,
  setitems: 0x75,
  put8: 0x71,
  put32: 0x72,
  get8: 0x68,
  get32: 0x6a,
  stop: 0x2e,
} as const;

/** How many items go in one go: readers hold them on a stack. */
const BATCH = 1000;

class Writer {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  readonly #memo = new Map<unknown, number>();
  readonly #text = new TextEncoder();

  get written(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  /** Makes room for `size` bytes and says where they begin. */
  #take(size: number): number {
    const at = this.#at;
    this.#at += size;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#at, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  op(opcode: number): void {
    const at = this.#take(1);
    this.#bytes[at] = opcode;
  }
  #byte(opcode: number, value: number): void {
    const at = this.#take(2);
    this.#bytes[at] = opcode;
    this.#bytes[at + 1] = value;
  }
  #word(opcode: number, value: number): void {
    const at = this.#take(5);
    this.#bytes[at] = opcode;
    this.#view.setInt32(at + 1, value, true);
  }

  #number(x: number): void {
    if (!Number.isSafeInteger(x) || Object.is(x, -0)) {
      const at = this.#take(9);
      this.#bytes[at] = code.float;
      this.#view.setFloat64(at + 1, x);
    } else if (x >= 0 && x < 2 ** 8) this.#byte(code.int8, x);
    else if (x >= 0 && x < 2 ** 16) {
      const at = this.#take(3);
      this.#bytes[at] = code.int16;
      this.#view.setUint16(at + 1, x, true);
    } else if (x === (x | 0)) this.#word(code.int32, x);
    else {
      const at = this.#take(10);
      this.#bytes[at] = code.long;
      this.#bytes[at + 1] = 8;
      this.#view.setBigInt64(at + 2, BigInt(x), true);
    }
  }

  /** Refers to what was written before. */
  #repeats(value: unknown): boolean {
    const index = this.#memo.get(value);
    if (index === undefined) return false;
    if (index < 256) this.#byte(code.get8, index);
    else this.#word(code.get32, index);
    return true;
  }
  #remember(value: unknown): void {
    const index = this.#memo.size;
    this.#memo.set(value, index);
    if (index < 256) this.#byte(code.put8, index);
    else this.#word(code.put32, index);
  }

  #string(text: string): void {
    if (this.#repeats(text)) return;
    const bytes = this.#text.encode(text);
    this.#word(code.string, bytes.length);
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
    this.#remember(text);
  }

  #items<T>(items: readonly T[], opcode: number, write: (item: T) => void): void {
    for (let start = 0; start < items.length; start += BATCH) {
      this.op(code.mark);
      for (const item of items.slice(start, start + BATCH)) write(item);
      this.op(opcode);
    }
  }

  value(x: unknown): void {
    if (x === null) this.op(code.none);
    else if (typeof x === "boolean") this.op(x ? code.true : code.false);
    else if (typeof x === "number") this.#number(x);
    else if (typeof x === "string") this.#string(x);
    else if (typeof x !== "object") throw cannotPickle(typeof x);
    else if (!this.#repeats(x)) this.#container(x);
  }

  #container(x: object): void {
    this.op(Array.isArray(x) ? code.list : code.dict);
    this.#remember(x);
    if (Array.isArray(x)) this.#items(x, code.appends, (item) => this.value(item));
    else
      this.#items(Object.entries(x), code.setitems, ([key, item]) => {
        this.#string(key);
        this.value(item);
      });
  }
}

/**
 * Plain data as a Python pickle (protocol 2): null, booleans, numbers (whole ones become ints), strings, arrays and objects, as None, bool,
 * int or float, str, list and dict.
 * @example writeFileSync("figures.pickle", pickle({ loss: [0.5, 0.25], epoch: 2 })); // pickle.load(open("figures.pickle", "rb"))
 * @throws ArgumentError for anything else, such as undefined or a function.
 */
export function pickle(data: unknown): Uint8Array {
  const writer = new Writer();
  writer.op(code.proto);
  writer.op(2);
  writer.value(data);
  writer.op(code.stop);
  return writer.written;
}
