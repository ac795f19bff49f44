/** Tensors in files. */
export type { ByteSource } from "./files.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  type LoadOptions,
  loadSafetensors,
  type NamedTensors,
  readSafetensors,
  readSafetensorsHeader,
  saveSafetensors,
} from "./safetensors.ts";
export type { SafetensorsHeader, StoredTensor } from "./safetensors-header.ts";
