import { expect, it } from "vitest";
import { Mismatch } from "../outcome.ts";
import { rngProgram } from "./rng-text.ts";

/** The lines of a program between its first and its last. */
const lines = (call: string): string[] =>
  rngProgram(call, "7")
    .split("\n")
    .filter((line) => line !== "out" && line !== "out = []");

it("leaves Python as it is", () => {
  expect(lines("torch.rand(3, 4)")).toEqual(["out.extend([torch.rand(3, 4)])"]);
  expect(lines("torch.randn()")).toEqual(["out.extend([torch.randn(())])"]);
});

it("spells out sentences", () => {
  expect(lines("ds = T(torch.arange(9)); two passes over L(ds, batch_size=4); then torch.rand(2)")).toEqual([
    "ds = T(torch.arange(9))",
    "loader = L(ds, batch_size=4)",
    "for _ in range(2): out.append(torch.cat([batch[0] for batch in loader]))",
    "out.extend([torch.rand(2)])",
  ]);
  expect(lines("one pass over L(ds) ; then torch.rand(2) (the iterator draws one base seed)").slice(1)).toEqual([
    "for _ in range(1): out.append(torch.cat([batch[0] for batch in loader]))",
    "out.extend([torch.rand(2)])",
  ]);
  expect(lines("random_split(range(5), [2, 3]) indices")).toEqual([
    "out.extend([torch.tensor(part.indices) for part in random_split(range(5), [2, 3])])",
  ]);
  expect(lines("torch.rand(3); torch.get_rng_state(); then torch.randn(2), torch.rand(2)").at(-1)).toBe(
    "out.extend([torch.randn(2), torch.rand(2)])",
  );
});

it("spells out sequences", () => {
  expect(lines("randn3_reseed_rand_70_randint")).toEqual([
    "out.extend([torch.randn(3)])",
    "torch.manual_seed(7)",
    "out.extend([torch.rand(70)])",
    "out.extend([torch.randint(0, 10, (3,))])",
  ]);
  expect(lines("randn2_x3")).toEqual(Array(3).fill("out.extend([torch.randn(2)])"));
  expect(lines("rand2x3_transposed_normal_")[0]).toBe("out.extend([torch.empty(3, 2).t().normal_()])");
});

it("spells out dropout and nn.init calls", () => {
  expect(lines("dropout2d_.4; x = torch.ones(3)")).toEqual(["x = torch.ones(3)", "out.extend([F.dropout2d(x, .4, training=True)])"]);
  expect(lines("dropout_1; x = torch.ones(3)").at(-1)).toBe("out.extend([F.dropout(x, 1, training=True)])");
  expect(lines("see README: nn.init.xavier_uniform_conv").at(-1)).toBe("out.extend([nn.init.xavier_uniform_(E(4,2,3,3))])");
});

it("refuses what it does not understand", () => {
  for (const call of ["shuffle3_rand2", "see README: nn.init.unheard_of", "strange; x = torch.ones(3)"]) {
    expect(() => rngProgram(call, "0"), call).toThrow(Mismatch);
  }
});
