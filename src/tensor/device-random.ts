import { tensor } from "./creation.ts";
import { deviceGenerator } from "./generators.ts";
import type { Tensor } from "./tensor.ts";

/** The random numbers of the GPU, as `torch.cuda` has them; `torch.manualSeed` seeds them too. None of these needs the GPU to be started. */

/** Restarts the GPU's default generator. */
export function manualSeed(seed: number | bigint): void {
  deviceGenerator("webgpu").manualSeed(seed);
}
/** Restarts the GPU's default generator with a seed that cannot be foreseen. */
export function seed(): void {
  deviceGenerator("webgpu").seed();
}
/** The seed of the GPU's default generator. */
export const initialSeed = (): bigint => deviceGenerator("webgpu").initialSeed();
/** The state of the GPU's default generator as a byte tensor on the CPU: seed and offset, 8 bytes each. */
export const getRngState = (): Tensor => tensor(deviceGenerator("webgpu").getState(), { device: "cpu" });
/** Restores what `getRngState` gave. */
export function setRngState(state: Tensor): void {
  deviceGenerator("webgpu").setState(state.toTypedArraySync() as Uint8Array);
}
