/** Which GPU the tests run on: the machine's own where it has one, and otherwise Chromium's software GPU, SwiftShader. */
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";

/** Where Debian's Chromium puts SwiftShader, as a Vulkan driver. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

const entries = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** Whether the system has a device file of a GPU's driver. */
const hasGpu = (): boolean =>
  entries("/dev").some((name) => /^nvidia\d*$/.test(name)) || entries("/dev/dri").some((name) => name.startsWith("renderD"));

/**
 * Points Vulkan at SwiftShader where the machine has no GPU and the environment does not choose a driver itself. Has to be called before
 * Dawn is loaded, and in the main thread: a Worker's `process.env` is a copy that native code does not see. Child processes inherit it.
 */
export function useSoftwareGpu(env: NodeJS.ProcessEnv = process.env): void {
  if (process.platform !== "linux" || env["VK_ICD_FILENAMES"] !== undefined || env["VK_DRIVER_FILES"] !== undefined || hasGpu()) return;
  env["VK_ICD_FILENAMES"] = SWIFTSHADER;
  env["XDG_RUNTIME_DIR"] ??= tmpdir(); // else drivers that look for a display complain on every start
}

useSoftwareGpu();
