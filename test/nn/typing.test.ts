/** What the compiler knows of modules: a call has the signature of `forward`. Checked by tsc; the calls run as well. */
import { expect, expectTypeOf, it } from "vitest";
import * as torch from "../../src/index.ts";

const { nn } = torch;
const F = nn.functional;
type Tensor = torch.Tensor;

class TwoHeads extends nn.Module {
  readonly trunk = new nn.Linear(4, 4);
  forward(x: Tensor, options: { twice?: boolean } = {}): { a: Tensor; b: number } {
    return { a: options.twice ? this.trunk(this.trunk(x)) : this.trunk(x), b: 1 };
  }
}

it("gives a call the signature of forward", () => {
  const model = new TwoHeads();
  expectTypeOf(model).parameters.toEqualTypeOf<Parameters<TwoHeads["forward"]>>();
  expectTypeOf(model).parameter(1).toEqualTypeOf<{ twice?: boolean } | undefined>();
  expectTypeOf(model).returns.toEqualTypeOf<{ a: Tensor; b: number }>();
  expectTypeOf(model(torch.ones(1, 4)).a).toEqualTypeOf<Tensor>();
  // @ts-expect-error a string is no tensor
  expect(() => model("x")).toThrow();
  // @ts-expect-error there is no such option
  model(torch.ones(1, 4), { thrice: true });
});

it("knows what layers take and give", () => {
  expectTypeOf(new nn.Linear(2, 3)).parameters.toEqualTypeOf<[input: Tensor]>();
  expectTypeOf(new nn.CrossEntropyLoss()).parameters.toEqualTypeOf<[input: Tensor, target: Tensor]>();
  expectTypeOf(new nn.MaxPool2d(2)(torch.ones(1, 2, 2))).toEqualTypeOf<Tensor>();
  expectTypeOf(new nn.MaxPool2d(2, { returnIndices: true })(torch.ones(1, 2, 2))).toEqualTypeOf<
    readonly [values: Tensor, indices: Tensor]
  >();
  expectTypeOf(F.maxPool2d(torch.ones(1, 2, 2), 2)).toEqualTypeOf<Tensor>();
  expectTypeOf(F.maxPool2d(torch.ones(1, 2, 2), 2, { returnIndices: true })).toEqualTypeOf<readonly [values: Tensor, indices: Tensor]>();
  expectTypeOf(new nn.Linear(2, 3).weight).toEqualTypeOf<torch.nn.Parameter>();
  expectTypeOf(new nn.Linear(2, 3).stateDict()).toEqualTypeOf<Record<string, Tensor>>();
});

it("takes arguments by position, by name, and mixed", () => {
  const texts = [
    new nn.Conv2d(1, 8, 5, 1, 2),
    new nn.Conv2d(1, 8, 5, { padding: 2 }),
    new nn.Conv2d(1, 8, 5, 1, { padding: 2 }),
    new nn.Conv2d({ inChannels: 1, outChannels: 8, kernelSize: 5, padding: 2 }),
  ].map(String);
  expect(new Set(texts)).toEqual(new Set(["Conv2d(1, 8, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))"]));
  // @ts-expect-error there is no such option
  expect(() => new nn.Linear(2, 3, { biass: false })).toThrow("__init__() got an unexpected keyword argument 'biass'");
  // @ts-expect-error the second number is missing
  expect(() => new nn.Linear(2)).toThrow("__init__() missing 1 required positional argument: 'outFeatures'");
  // @ts-expect-error given by position already
  expect(() => new nn.Conv2d(1, 8, 5, 1, { stride: 2, inChannels: 3 })).toThrow("__init__() got multiple values for argument 'stride'");
});

it("keeps the type through train, to and apply", async () => {
  const model = new TwoHeads();
  expectTypeOf(model.eval()).toEqualTypeOf<TwoHeads>();
  expectTypeOf(model.to(torch.float64)).toEqualTypeOf<TwoHeads>();
  expectTypeOf(model.to("cpu")).toEqualTypeOf<Promise<TwoHeads>>();
  expectTypeOf(model.apply(() => {})).toEqualTypeOf<TwoHeads>();
  expectTypeOf(await model.cpu()).toEqualTypeOf<TwoHeads>();
});

it("lets a module of unknown kind be called with anything", () => {
  const layers: torch.nn.Module[] = [new nn.Linear(2, 2), new nn.ReLU()];
  let x: Tensor = torch.ones(1, 2);
  for (const layer of layers) x = layer(x);
  expect(x.shape).toEqual([1, 2]);
});

it("types hooks by the module", () => {
  const model = new TwoHeads();
  model.registerForwardHook((module, input, output) => {
    expectTypeOf(module).toEqualTypeOf<TwoHeads>();
    expectTypeOf(input).toEqualTypeOf<Parameters<TwoHeads["forward"]>>();
    expectTypeOf(output).toEqualTypeOf<{ a: Tensor; b: number }>();
  });
  model(torch.ones(1, 4));
});
