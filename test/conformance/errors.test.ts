import { expect, it } from "vitest";
import { expectError } from "./errors.ts";
import { Mismatch, outcomeOf } from "./outcome.ts";
import { MissingAttribute, PythonError } from "./python/values.ts";

const raise = (error: unknown) => async (): Promise<never> => {
  throw error;
};

/** How a case ends that has to raise `recorded` and raises `error`. */
async function outcome(recorded: readonly [string, string], error: unknown): Promise<string> {
  return await expectError(recorded, raise(error)).then(
    () => "passed",
    (thrown: unknown) => outcomeOf(thrown).kind,
  );
}

it("takes the recorded type and message only", async () => {
  expect(await outcome(["ValueError", "no"], new PythonError("ValueError", "no"))).toBe("passed");
  expect(await outcome(["ValueError", "no"], new PythonError("ValueError", "no."))).toBe("failed");
  expect(await outcome(["ValueError", "no"], new PythonError("RuntimeError", "no"))).toBe("failed");
  expect(await outcome(["TypeError", "x.f is not a function"], new TypeError("x.f is not a function"))).toBe("failed");
});

it("fails where nothing is raised", async () => {
  await expect(expectError(["ValueError", "no"], async () => 1)).rejects.toThrow(Mismatch);
});

it("reads a KeyError as Python prints it, and sets in any order", async () => {
  expect(await outcome(["KeyError", "'a \"b\"'"], new PythonError("KeyError", 'a "b"'))).toBe("passed");
  expect(await outcome(["ValueError", "one of {'a', 'b'}"], new PythonError("ValueError", "one of {'b', 'a'}"))).toBe("passed");
  expect(await outcome(["ValueError", "one of {'a', 'b'}"], new PythonError("ValueError", "one of {'b', 'c'}"))).toBe("failed");
});

it("counts a missing name or option as not implemented, unless it is what is recorded", async () => {
  const missing = new MissingAttribute("Tensor", "f");
  expect(await outcome(["ValueError", "no"], missing)).toBe("notImplemented");
  expect(await outcome(["AttributeError", "'Tensor' object has no attribute 'f'"], missing)).toBe("passed");
  expect(await outcome(["AttributeError", "'Tensor' object has no attribute 'g'"], missing)).toBe("notImplemented");
  const option = Object.assign(new PythonError("TypeError", "f() got an unexpected keyword argument 'k'"), { unexpectedKeyword: "k" });
  expect(await outcome(["ValueError", "no"], option)).toBe("notImplemented");
});
