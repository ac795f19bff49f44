/** The MNIST example as a user runs it, on few digits: it learns, the same seed gives the same numbers, and the weights can be used again. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { io } from "torchlet";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "mnist-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}
async function run(script: string, ...flags: string[]): Promise<Finished> {
  const args = ["--import", "tsx", join("examples", "mnist", script), ...flags];
  try {
    return { ...(await promisify(execFile)(process.execPath, args, { cwd: root })), code: 0 };
  } catch (e) {
    return e as Finished;
  }
}
const trained = (name: string, ...flags: string[]): Promise<Finished> =>
  run("train.ts", "--limit", "2560", "--epochs", "1", "--out", join(folder, name), ...flags);

/** The results that depend on the seed alone. */
const numbers = ({ stdout }: Finished): string[] => [...stdout.matchAll(/loss \d\.\d{6}, test accuracy \d+\.\d\d%/g)].map(([text]) => text);
const accuracy = (run: Finished): number => Number(/test accuracy ([\d.]+)%/.exec(numbers(run).at(-1) ?? "")?.[1]);

describe("npm run mnist", () => {
  it("learns, writes weights and a loss curve, and classifies with them", async () => {
    const first = await trained("a");
    expect(first.stderr).toBe("");
    expect(accuracy(first)).toBeGreaterThan(75); // chance is 10
    expect(readdirSync(join(folder, "a")).sort()).toEqual(["mnist-loss.svg", "mnist.safetensors"]);
    expect(readFileSync(join(folder, "a", "mnist-loss.svg"), "utf8")).toMatch(/^<svg [\s\S]*<polyline [\s\S]*<\/svg>\n$/);

    const { tensors, metadata } = await io.readSafetensors(join(folder, "a", "mnist.safetensors"));
    expect(Object.entries(tensors).map(([name, x]) => [name, x.shape])).toEqual([
      ["conv1.weight", [8, 1, 5, 5]],
      ["conv1.bias", [8]],
      ["conv2.weight", [16, 8, 5, 5]],
      ["conv2.bias", [16]],
      ["fc1.weight", [128, 256]],
      ["fc1.bias", [128]],
      ["fc2.weight", [10, 128]],
      ["fc2.bias", [10]],
    ]);
    expect(metadata).toMatchObject({ arch: "lenet" });
    expect(100 * Number(metadata.accuracy)).toBeCloseTo(accuracy(first), 2);

    const drawn = await run("classify.ts", "--out", join(folder, "a"), "--count", "20", "--seed", "1");
    expect(drawn.stdout.match(/\d \(\d+\.\d%\) [✓✗]/g)).toHaveLength(20);
    const right = Number(/(\d+) of 20 right/.exec(drawn.stdout)?.[1]);
    expect(right).toBe(drawn.stdout.match(/✓/g)!.length);
    expect(right).toBeGreaterThan(10);
    const wrong = await run("classify.ts", "--out", join(folder, "a"), "--count", "2", "--seed", "1", "--mistakes");
    expect(wrong.stdout).toMatch(/0 of 2 right/);

    const again = await trained("b");
    expect(numbers(again)).toEqual(numbers(first));
    expect(Buffer.compare(readFileSync(join(folder, "a", "mnist.safetensors")), readFileSync(join(folder, "b", "mnist.safetensors")))).toBe(
      0,
    );
  }, 300_000);

  it("has other numbers with another seed", async () => {
    const [one, two] = [
      await trained("c", "--limit", "64", "--seed", "1", "--test-limit", "100"),
      await trained("d", "--limit", "64", "--seed", "2", "--test-limit", "100"),
    ];
    expect(numbers(one)).toHaveLength(1);
    expect(numbers(one)).not.toEqual(numbers(two));
  }, 200_000);

  it("has PyTorch's own net too", async () => {
    const tiny = await trained("e", "--limit", "64", "--arch", "pytorch", "--test-limit", "200");
    expect(tiny.stdout).toContain("(conv2): Conv2d(32, 64, kernel_size=(3, 3), stride=(1, 1))");
    expect(tiny.stdout).toContain("1,199,882 parameters, 4580.2 MFLOP a step");
    expect(numbers(tiny)).toHaveLength(1);
  }, 200_000);

  it("trains and is tested on a GPU, to the CPU's result", async () => {
    const few = ["--limit", "96", "--batch-size", "16", "--test-limit", "200", "--lr", "0.005"];
    const [gpu, cpu] = [await trained("f", ...few, "--device", "webgpu"), await trained("g", ...few)];
    expect([gpu.code, gpu.stderr]).toEqual([0, ""]);
    expect(gpu.stdout).toContain("96 training and 200 test digits; webgpu");
    const loss = (run: Finished): number => Number(/loss ([\d.]+)/.exec(numbers(run)[0]!)?.[1]);
    expect(Math.abs(loss(gpu) - loss(cpu))).toBeLessThan(1e-3);
    expect(Math.abs(accuracy(gpu) - accuracy(cpu))).toBeLessThanOrEqual(1.5); // three of the digits
    expect(Object.keys((await io.readSafetensors(join(folder, "f", "mnist.safetensors"))).tensors)).toHaveLength(8);
  }, 200_000);
});

describe("flags", () => {
  it.each([
    [["--epochs", "0"], "--epochs must be a whole number of at least 1, not 0"],
    [["--lr", "fast"], "--lr must be a number above 0, not fast"],
    [["--arch", "resnet"], "--arch must be one of lenet, pytorch, not resnet"],
    [["--nonsense"], "Unknown option '--nonsense'"],
    [["--device", "quantum", "--limit", "1"], /device type at start of device string: quantum/],
  ])("%s", async (flags, message) => {
    const { code, stderr } = await run("train.ts", ...flags);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
  it("--help", async () => {
    const { stdout } = await run("train.ts", "--help");
    for (const flag of ["epochs", "batch-size", "lr", "seed", "limit", "test-limit", "arch", "device", "out", "help"])
      expect(stdout).toContain(`--${flag} `);
  });
  it("without weights says how to make some", async () => {
    const { code, stderr } = await run("classify.ts", "--out", join(folder, "none"));
    expect([code, stderr]).toEqual([2, expect.stringMatching(/mnist.safetensors cannot be read: ENOENT[\s\S]*Train first: npm run mnist/)]);
  });
});
