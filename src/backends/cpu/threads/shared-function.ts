import { sourceOf, type WasmFunction } from "../engine.ts";
import { heap } from "../heap.ts";

/** Where the modules of functions lie that workers have been told of. */
const addresses = new WeakMap<WasmFunction, number>();

/**
 * The address of a function's record, from which workers compile it: the length of its module in bytes, that of its name, the name, the
 * module. The record stays for good. 0 where there is none: the function calls into JavaScript, or memory has run out.
 */
export function share(f: WasmFunction): number {
  const known = addresses.get(f);
  if (known !== undefined) return known;
  const address = place(f);
  addresses.set(f, address);
  return address;
}

function place(f: WasmFunction): number {
  const source = sourceOf(f);
  if (source === undefined) return 0;
  const { name, bytes } = source;
  let address: number;
  try {
    address = heap.allocate(8 + name.length + bytes.length).offset;
  } catch {
    return 0;
  }
  const word = address >>> 2;
  heap.i32[word] = bytes.length;
  heap.i32[word + 1] = name.length;
  for (let k = 0; k < name.length; k++) heap.u8[address + 8 + k] = name.charCodeAt(k);
  heap.u8.set(bytes, address + 8 + name.length);
  return address;
}
