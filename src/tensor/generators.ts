import { generatorOfDevice } from "../core/errors.ts";
import { Generator as CpuGenerator } from "../core/random/generator.ts";
import { PhiloxGenerator } from "../core/random/philox-generator.ts";
import { type Device, device as findDevice } from "../dispatch/device.ts";

export type { PhiloxGenerator } from "../core/random/philox-generator.ts";

/** A generator of any device. */
export type AnyGenerator = CpuGenerator | PhiloxGenerator;
/** A generator of the CPU's: its numbers are PyTorch's. */
export type Generator = CpuGenerator;

interface GeneratorConstructor {
  readonly prototype: CpuGenerator;
  new (seed?: number | bigint): CpuGenerator;
  new (device: "cpu" | { readonly device?: "cpu" }): CpuGenerator;
  new (device: "webgpu" | { readonly device: "webgpu" }): PhiloxGenerator;
  new (device: string | Device | { readonly device: string | Device }): AnyGenerator;
}
type Given = number | bigint | string | Device | { readonly device?: string | Device };

function construct(given?: Given): AnyGenerator {
  if (given === undefined || typeof given === "number" || typeof given === "bigint") return new CpuGenerator(given);
  const named = typeof given === "string" || "backend" in given ? given : (given.device ?? "cpu");
  const { type, backend } = findDevice(named);
  return backend.randomSource === "philox" ? new PhiloxGenerator(type) : new CpuGenerator();
}

/**
 * A source of random numbers of a device: `new torch.Generator()` of the CPU, `new torch.Generator({ device: "webgpu" })` of the GPU, which has to be
 * started. Each gives numbers to tensors on its device only, and starts with the same seed.
 * @example torch.rand(2, 3, { generator: new torch.Generator().manualSeed(7) });
 */
export const Generator: GeneratorConstructor = class {
  constructor(given?: Given) {
    // biome-ignore lint/correctness/noConstructorReturn: which class it is depends on the device
    return construct(given);
  }
  static [Symbol.hasInstance](x: unknown): boolean {
    return x instanceof CpuGenerator || x instanceof PhiloxGenerator;
  }
} as GeneratorConstructor;

/** The CPU's generator of all random numbers that name no other. */
export const defaultGenerator: CpuGenerator = new CpuGenerator();
const deviceGenerators = new Map<string, PhiloxGenerator>();

/** The generator of a type of device that draws by counter, for what names no other. The device need not be started. */
export function deviceGenerator(type: string): PhiloxGenerator {
  let generator = deviceGenerators.get(type);
  if (generator === undefined) {
    generator = new PhiloxGenerator(type, seedOfAll);
    deviceGenerators.set(type, generator);
  }
  return generator;
}

/** What the last `manualSeed` said, for devices that are first used later. */
let seedOfAll: bigint | undefined;

/** Seeds the default generators of all devices; gives the CPU's. */
export function seedAll(seed: number | bigint): CpuGenerator {
  defaultGenerator.manualSeed(seed);
  seedOfAll = defaultGenerator.initialSeed();
  for (const g of deviceGenerators.values()) g.manualSeed(seedOfAll);
  return defaultGenerator;
}

/** The generator that fills tensors on a device: the given one, which has to be of that device, or its default one. */
export function generatorFor({ type, backend }: Device, given: AnyGenerator | null | undefined): AnyGenerator {
  if (backend.randomSource !== "philox") return cpuGenerator(given);
  if (given === null || given === undefined) return deviceGenerator(type);
  if (given.device !== type) throw generatorOfDevice(type, given.device);
  return given;
}

/** The given generator, which has to be of the CPU, or its default one: for what is drawn there whatever the device. */
export function cpuGenerator(given: AnyGenerator | null | undefined): CpuGenerator {
  if (given === null || given === undefined) return defaultGenerator;
  if (!(given instanceof CpuGenerator)) throw generatorOfDevice("cpu", given.device);
  return given;
}
