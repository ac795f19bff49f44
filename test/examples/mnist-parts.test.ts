/** The parts of the MNIST example that need no training. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as torch from "torchlet";
import { FileError } from "torchlet";
import { afterAll, describe, expect, it } from "vitest";
import { lineChart, logarithmicTicks, smoothed, ticks } from "../../examples/mnist/chart.ts";
import { Confusion } from "../../examples/mnist/confusion.ts";
import { Mnist } from "../../examples/mnist/dataset.ts";
import { drawDigit, sideBySide } from "../../examples/mnist/digits.ts";
import { parseIdx } from "../../examples/mnist/idx.ts";
import { bar, clock, Progress } from "../../examples/mnist/progress.ts";

const folder = mkdtempSync(join(tmpdir(), "mnist-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An IDX file. */
function idx(shape: number[], data: ArrayLike<number>, type: number = 8): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, type, shape.length]);
  for (const [i, n] of shape.entries()) view.setUint32(4 + 4 * i, n);
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}

describe("IDX files", () => {
  it("are read", () => {
    expect(parseIdx(idx([2, 3], [1, 2, 3, 4, 5, 6]), "a")).toEqual({ shape: [2, 3], data: new Uint8Array([1, 2, 3, 4, 5, 6]) });
  });
  it.each([
    [new Uint8Array(3), /^a is no IDX file$/],
    [new Uint8Array([1, 0, 8, 1, 0, 0, 0, 0]), /^a is no IDX file$/],
    [idx([1], [1, 2, 3, 4], 0x0d), /^a has elements of type 0xd/],
    [idx([2, 3], []).subarray(0, 8), /^a is cut off in its header$/],
    [idx([2, 3], [1, 2, 3, 4, 5]), /^a has 5 bytes of elements, though its shape \[2, 3\] has 6$/],
    [idx([2], [1, 2, 3]), /^a has 3 bytes/],
    [idx([2 ** 31, 2 ** 31, 2 ** 31], []), /^a has 0 bytes/],
  ])("that are broken are refused by name", (bytes, message) => {
    expect(() => parseIdx(bytes, "a")).toThrow(FileError);
    expect(() => parseIdx(bytes, "a")).toThrow(message);
  });
});

describe("the digits", () => {
  const write = (images: Uint8Array, labels: Uint8Array): void => {
    writeFileSync(join(folder, "t10k-images-idx3-ubyte"), images);
    writeFileSync(join(folder, "t10k-labels-idx1-ubyte"), labels);
  };
  const two = new Uint8Array(2 * 784).fill(255, 784);

  it("are read from the original files", async () => {
    const test = await Mnist.read("test", { limit: 3 });
    expect(test.length).toBe(3);
    const [x, y] = test.getBatch([0, 2]);
    expect([x.shape, x.dtype.name, y.dtype.name, y.tolistSync()]).toEqual([[2, 1, 28, 28], "float32", "int64", [7, 1]]);
    expect([torch.equal(test.get(2)[0], x.at(1)), test.get(1)[1].itemSync()]).toEqual([true, 2]);
  });
  it("have mean 0 and deviation 1 after scaling", async () => {
    const [x] = (await Mnist.read("train", { limit: 2000 })).getBatch(Array.from({ length: 2000 }, (_, i) => i));
    expect(Math.abs(Number(x.mean().itemSync()))).toBeLessThan(0.02);
    expect(Math.abs(Number(x.std().itemSync()) - 1)).toBeLessThan(0.02);
  });
  it("are refused where files do not fit each other", async () => {
    write(idx([2, 28, 28], two), idx([2], [3, 4]));
    expect((await Mnist.read("test", { folder })).labels.tolistSync()).toEqual([3, 4]);
    write(idx([4, 14, 28], two), idx([2], [3, 4]));
    await expect(Mnist.read("test", { folder })).rejects.toThrow(
      /images-idx3-ubyte has shape \[4, 14, 28\], where \[n, 28, 28\] is expected/,
    );
    write(idx([2, 28, 28], two), idx([3], [3, 4, 5]));
    await expect(Mnist.read("test", { folder })).rejects.toThrow(/labels-idx1-ubyte has shape \[3\], where \[2\] is expected/);
    write(idx([2, 28, 28], two), idx([2], [3, 10]));
    await expect(Mnist.read("test", { folder })).rejects.toThrow(/labels-idx1-ubyte says that digit 1 is a 10/);
    await expect(Mnist.read("train", { folder })).rejects.toThrow(/train-images-idx3-ubyte cannot be read: ENOENT/);
  });
});

describe("progress", () => {
  const recorder = (isTTY: boolean) => {
    const texts: string[] = [];
    return { texts, isTTY, columns: 90, write: (text: string) => texts.push(text) };
  };
  it("is a line that is drawn again on a terminal", () => {
    const out = recorder(true);
    let time = 0;
    const progress = new Progress(out, "epoch 1/1", 4, () => time);
    for (const loss of [2, 1, 1, 1]) {
      time += 500;
      progress.step(loss, 10);
    }
    progress.end();
    expect(out.texts.length).toBe(5);
    expect(out.texts[1]).toBe("\repoch 1/1 ███████████████░░░░░░░░░░░░░░░ 2/4  loss 1.9500  20 images/s  0:01 left\x1b[K");
    expect(out.texts.at(-1)).toBe("\r\x1b[K");
    for (const text of out.texts) expect(text.length).toBeLessThan(90 + 4);
  });
  it("is lines elsewhere, one at each tenth", () => {
    const out = recorder(false);
    const progress = new Progress(out, "epoch 1/1", 100);
    for (let i = 0; i < 100; i++) progress.step(1, 1);
    progress.end();
    expect(out.texts.length).toBe(10);
    expect(out.texts[0]).toMatch(/^epoch 1\/1 .* {2}10\/100 {2}loss 1\.0000 {2}\d+ images\/s {2}0:00 left\n$/);
  });
  it("has clocks and bars", () => {
    expect([clock(5), clock(75), clock(3661), clock(-1)]).toEqual(["0:05", "1:15", "1:01:01", "0:00"]);
    expect([bar(0, 4), bar(0.5, 4), bar(0.53, 4), bar(1, 4), bar(2, 4)]).toEqual(["░░░░", "██░░", "██▏░", "████", "████"]);
  });
});

describe("confusion", () => {
  it("counts and prints", () => {
    const confusion = new Confusion(3);
    for (const [actual, predicted] of [
      [0, 0],
      [0, 0],
      [0, 2],
      [1, 1],
    ] as const)
      confusion.add(actual, predicted);
    expect([confusion.total, confusion.correct, confusion.accuracy]).toEqual([4, 3, 0.75]);
    expect(String(confusion).split("\n")).toEqual([
      "is \\ taken for │ 0 1 2 │  right",
      "───────────────┼───────┼───────",
      "             0 │ 2 · 1 │  66.7%",
      "             1 │ · 1 · │ 100.0%",
      "             2 │ · · · │      -",
    ]);
  });
  it("of nothing is no accuracy", () => expect(new Confusion(2).accuracy).toBe(0));
});

describe("digits in text", () => {
  it("show two rows of pixels in a line", () => {
    expect(drawDigit([255, 0, 255, 0, 255, 255, 255, 0, 200], 3)).toEqual(["▀▄█", "▀ ▀"]);
  });
  it("stand side by side", () => {
    const block = (title: string) => ({ title, lines: ["██", "▀"] });
    expect(sideBySide([block("a"), block("bcd"), block("e")], 2)).toBe("a    bcd\n██   ██\n▀    ▀\n\ne\n██\n▀\n");
  });
});

describe("charts", () => {
  it("have round ticks", () => {
    expect(ticks(0, 2814, 8)).toEqual([0, 500, 1000, 1500, 2000, 2500]);
    expect(ticks(0, 0.31, 5)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks(1, 1, 5)).toEqual([1]);
    expect(logarithmicTicks(0.015, 2.4)).toEqual([0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]);
  });
  it("smooth without a bias towards zero", () => {
    for (const [, y] of smoothed(
      [
        [1, 3],
        [2, 3],
        [3, 3],
      ],
      0.9,
    ))
      expect(y).toBeCloseTo(3);
  });
  it("are SVG, with what cannot be shown left out", () => {
    const points = [
      [1, 2],
      [2, 0],
      [3, Number.NaN],
      [4, 0.5],
    ] as const;
    const svg = lineChart([{ name: "a<b", color: "red", width: 1, points }], {
      title: "t & u",
      xLabel: "x",
      yLabel: "y",
      logarithmic: true,
    });
    expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 800 420"/);
    expect(svg).toContain('points="64,44 780,372"');
    expect(svg).toContain("a&#60;b");
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(lineChart([], { title: "", xLabel: "", yLabel: "" })).not.toMatch(/NaN|Infinity/);
  });
});
