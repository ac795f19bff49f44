import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { captureStack, framesOf, userFrame } from "../../src/memory/frames.ts";
import { devices } from "../support/devices.ts";
import { linesOf } from "./lines.ts";

const { memory } = torch;
const lineOf = linesOf(import.meta.url);
afterEach(() => memory.recordHistory(false));

describe.each(devices)("what is alive on %s", (device) => {
  beforeAll(() => memory.collect());

  test("are exactly the tensors kept, with the lines that made them", async () => {
    memory.recordHistory();
    const since = memory.mark();
    const kept: Tensor[] = [];
    const make = (k: number): Tensor => torch.full([300 + k], k, { device }); // where most are made
    for (let k = 0; k < 6; k++) {
      const x = make(k);
      if (k % 2 === 1) kept.push(x);
      else x.dispose();
    }
    kept.push(torch.zeros([10], { dtype: torch.int32, device })); // where the last is made
    const found = memory.leaks({ device, since });
    expect(found.map((x) => [x.device, x.size, x.kind, x.createdAt])).toEqual([
      [device, 301 * 4, "float", lineOf("where most are made")],
      [device, 303 * 4, "float", lineOf("where most are made")],
      [device, 305 * 4, "float", lineOf("where most are made")],
      [device, 40, "int", lineOf("where the last is made")],
    ]);
    // Counted from the last allocation, which may be none of the tensor's own.
    const ages = found.map((x) => x.age);
    expect(ages).toEqual([...ages].sort((a, b) => b - a));
    expect(ages[0]! - ages[2]!).toBe(2 * (ages[0]! - ages[1]!));
    expect(ages[3]).toBe(0);
    for (const x of found) expect(x.seconds).toBeLessThan(60);
    expect(found[0]!.seconds).toBeGreaterThanOrEqual(found[3]!.seconds!);
    expect(found[0]!.frames[0]!.name).toBe("make");
    kept.forEach((x) => {
      x.dispose();
    });
    expect(memory.leaks({ device, since })).toEqual([]);
  });

  test("are told by who owns them and what they are for", () => {
    const since = memory.mark();
    const x = torch.zeros([400], { device });
    x.untypedStorage().category = "optimizerState";
    const view = x.view([20, 20]);
    const [one] = memory.leaks({ device, since });
    expect(memory.leaks({ device, since })).toHaveLength(1);
    expect(one!.category).toBe("optimizerState");
    const { handle, view: views } = one!.owners;
    expect(handle + views).toBe(2);
    view.dispose();
    expect(memory.leaks({ device, since })[0]!.owners).toEqual({ handle: 1, view: 0, saved: 0, state: 0 });
    x.dispose();
  });

  test("have no lines where nothing was recorded", () => {
    const since = memory.mark();
    const x = torch.zeros([400], { device });
    const [one] = memory.leaks({ device, since });
    expect([one!.createdAt, one!.seconds, one!.frames, one!.age]).toEqual([null, null, [], 0]);
    x.dispose();
  });
});

describe("leaks", () => {
  test("of all devices, oldest first on each, after the mark", () => {
    const before = torch.zeros(4);
    const since = memory.mark();
    const [a, b, c] = [torch.zeros(1), torch.zeros([2], { device: "reference" }), torch.zeros(3)];
    expect(memory.leaks({ since }).map((x) => [x.device, x.size])).toEqual(
      [
        ["cpu", 4],
        ["cpu", 12],
        ["reference", 8],
      ].sort((x, y) => devices.indexOf(String(x[0])) - devices.indexOf(String(y[0]))),
    );
    for (const x of [before, a, b, c]) x.dispose();
  });

  test("a dropped tensor counts until it is collected", async () => {
    memory.recordHistory();
    const since = memory.mark();
    (() => torch.ones(500).sum())();
    expect(memory.leaks({ since }).length).toBeGreaterThan(0);
    await memory.collect();
    expect(memory.leaks({ since }).filter((x) => x.size >= 1024)).toEqual([]);
  });
});

describe("an error about a tensor that was disposed of", () => {
  const GONE = "this tensor was disposed of: its memory was given back by dispose(), `using` or the end of a scope";
  const message = (x: Tensor): string => {
    try {
      x.add(1);
    } catch (error) {
      expect(error).toBeInstanceOf(torch.DisposedError);
      return (error as Error).message;
    }
    throw new Error("the tensor is still there");
  };

  test("says where, while that is traced", () => {
    memory.recordHistory();
    const x = torch.ones(3);
    x.dispose(); // where it is disposed of
    x.dispose();
    expect(message(x)).toBe(`${GONE}, at ${lineOf("where it is disposed of")}`);

    let leaked: Tensor | null = null;
    // biome-ignore format: the call is to stand on one line
    torch.scope(() => { leaked = torch.ones(3).mul(2); }); // where the scope ends
    expect(message(leaked!)).toBe(`${GONE}, at ${lineOf("where the scope ends")}`);

    let used: Tensor;
    const block = (): void => {
      using y = torch.ones(3); // where it is to go
      used = y;
    };
    block();
    expect(message(used!)).toContain(`${GONE}, at ${lineOf("where it is to go").replace(/:\d+$/, "")}`);
  });

  test("says what it knows otherwise", () => {
    const x = torch.ones(3);
    x.dispose();
    memory.recordHistory();
    expect(message(x)).toBe(GONE);
    memory.recordHistory({ context: false });
    const y = torch.ones(3);
    y.dispose();
    expect(message(y)).toBe(GONE);
  });
});

describe("stacks", () => {
  test("are taken only while history is recorded", () => {
    expect(captureStack()).toBeNull();
    memory.recordHistory({ context: false });
    expect(captureStack()).toBeNull();
    memory.recordHistory();
    const { stackTraceLimit } = Error;
    const stack = captureStack(); // where it is taken
    expect(userFrame(stack)).toBe(lineOf("where it is taken"));
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
    expect(userFrame(null)).toBeNull();
  });

  test("go through async functions and callbacks", async () => {
    memory.recordHistory();
    const since = memory.mark();
    const inner = async (): Promise<Tensor> => {
      await null;
      return [1].map(() => torch.zeros(50))[0]!; // where the callback is
    };
    const outer = async (): Promise<Tensor> => await inner(); // where it is awaited
    const x = await outer();
    const [one] = memory.leaks({ since });
    expect(one!.createdAt).toBe(lineOf("where the callback is"));
    expect(one!.frames.map((f) => `${f.filename}:${f.line}`)).toContain(lineOf("where it is awaited"));
    expect(one!.frames.find((f) => f.name.includes("outer"))).toBeDefined();
    x.dispose();
  });

  test("in the forms of all engines", () => {
    const v8 = [
      "Error",
      "    at train (file:///home/me/a%20b/train.ts:12:5)",
      "    at async Promise.all (index 0)",
      "    at async epoch (http://localhost:8080/main.js:7:1)",
      "    at Object.step [as run] (/home/me/loop.js:3:9)",
      "    at new Model (file:///C:/me/model.js:4:2)",
      "    at Array.map (<anonymous>)",
      "    at node:internal/main/run_main_module:28:49",
      "    at /home/me/last.js:1:2",
    ].join("\n");
    expect(framesOf(v8)).toEqual([
      { filename: "/home/me/a b/train.ts", line: 12, name: "train" },
      { filename: "http://localhost:8080/main.js", line: 7, name: "epoch" },
      { filename: "/home/me/loop.js", line: 3, name: "Object.step [as run]" },
      { filename: "C:/me/model.js", line: 4, name: "new Model" },
      { filename: "/home/me/last.js", line: 1, name: "<anonymous>" },
    ]);
    const others = "train@http://localhost/train.js:12:5\n@http://localhost/main.js:7:1\n[native code]\n";
    expect(framesOf(others)).toEqual([
      { filename: "http://localhost/train.js", line: 12, name: "train" },
      { filename: "http://localhost/main.js", line: 7, name: "<anonymous>" },
    ]);
  });

  test("leave out the library's files, unless there is nothing else", () => {
    const library = new URL("../../src/", import.meta.url).pathname;
    const inside = `    at zeros (${library}tensor/creation.ts:10:3)\n    at new Storage (${library}memory/storage.ts:42:3)`;
    expect(framesOf(`Error\n${inside}\n    at mine (/home/me/train.ts:3:1)`).map((f) => f.name)).toEqual(["mine"]);
    expect(framesOf(`Error\n${inside}`).map((f) => f.name)).toEqual(["zeros", "new Storage"]);
    expect(userFrame(`Error\n${inside}\n    at mine (/home/me/train.ts:3:1)`)).toBe("/home/me/train.ts:3");
    expect(userFrame(`Error\n${inside}`)).toBeNull();
  });
});
