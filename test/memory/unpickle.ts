/** Reads the pickles of plain data, as Python does: lists are arrays, dicts are Maps, and what is referred to twice is one object. */
export function unpickle(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: unknown[] = [];
  const marks: number[] = [];
  const memo: unknown[] = [];
  let at = 0;
  const take = (n: number): number => (at += n) - n;
  const top = <T>(): T => stack.at(-1) as T;
  for (;;) {
    const code = view.getUint8(take(1));
    switch (String.fromCharCode(code)) {
      case "\x80":
        if (view.getUint8(take(1)) !== 2) throw new Error("not of protocol 2");
        break;
      case "N":
        stack.push(null);
        break;
      case "\x88":
      case "\x89":
        stack.push(code === 0x88);
        break;
      case "K":
        stack.push(view.getUint8(take(1)));
        break;
      case "M":
        stack.push(view.getUint16(take(2), true));
        break;
      case "J":
        stack.push(view.getInt32(take(4), true));
        break;
      case "\x8a":
        if (view.getUint8(take(1)) !== 8) throw new Error("a long of another size");
        stack.push(Number(view.getBigInt64(take(8), true)));
        break;
      case "G":
        stack.push(view.getFloat64(take(8)));
        break;
      case "X": {
        const size = view.getUint32(take(4), true);
        stack.push(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(take(size), at)));
        break;
      }
      case "]":
        stack.push([]);
        break;
      case "}":
        stack.push(new Map());
        break;
      case "(":
        marks.push(stack.length);
        break;
      case "e": {
        const items = stack.splice(marks.pop()!);
        top<unknown[]>().push(...items);
        break;
      }
      case "u": {
        const items = stack.splice(marks.pop()!);
        for (let k = 0; k < items.length; k += 2) top<Map<unknown, unknown>>().set(items[k], items[k + 1]);
        break;
      }
      case "q":
        memo[view.getUint8(take(1))] = top();
        break;
      case "r":
        memo[view.getUint32(take(4), true)] = top();
        break;
      case "h":
        stack.push(memo[view.getUint8(take(1))]);
        break;
      case "j":
        stack.push(memo[view.getUint32(take(4), true)]);
        break;
      case ".":
        if (at !== bytes.length || stack.length !== 1) throw new Error("something is left");
        return stack[0];
      default:
        throw new Error(`unknown opcode 0x${code.toString(16)}`);
    }
  }
}

/** The same with objects in the place of Maps. */
export const plain = (x: unknown): unknown =>
  x instanceof Map ? Object.fromEntries([...x].map(([key, value]) => [key, plain(value)])) : Array.isArray(x) ? x.map(plain) : x;
