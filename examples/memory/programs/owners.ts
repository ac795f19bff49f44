/** A parameter's storages from the first owner to the last. */
import * as torch from "torchlet";
import { nn, optim } from "torchlet";
import { allocations, beginRecord, codeBeforeSteps, events, living, segments } from "../observe.ts";
import type { FollowedStorage, OwnersStep } from "../recording.ts";

const nobody = { handle: 0, view: 0, saved: 0, state: 0 } as const;

/** Runs the program and notes after each step who owns what. */
export function recordOwners(): OwnersStep[] {
  beginRecord();
  const code = codeBeforeSteps(import.meta.url);
  const steps: OwnersStep[] = [];
  const first = allocations() + 1;
  const followed = new Map<number, Pick<FollowedStorage, "name" | "size" | "category" | "address">>();

  /** `names`: of the storages that are new. */
  const step = (title: string, text: string, ...names: string[]): void => {
    const live = living();
    const made = events().filter(({ action }) => action === "alloc");
    const blocks = new Map(segments().flatMap((segment) => segment.blocks.map((b) => [b.address, b] as const)));
    for (const [number, { size, category }] of live) {
      const name = followed.get(number)?.name ?? names.shift();
      if (name === undefined) throw new Error(`after "${title}" there is a storage of ${size} bytes that has no name`);
      followed.set(number, { name, size, category, address: made[number - first]!.address });
    }
    if (names.length > 0) throw new Error(`after "${title}" there is no ${names.join(", ")}`);
    const storages = [...followed].map(([number, storage]) => ({
      ...storage,
      owners: live.get(number)?.owners ?? nobody,
      isFree: blocks.get(storage.address)?.category === null,
    }));
    steps.push({ title, text, code: code[steps.length]!, storages });
  };

  // program
  const x = torch.scope(() => new nn.Parameter(torch.ones(64, 64)));
  const adam = new optim.Adam([x]);
  step("A tensor", "The storage is the bytes; the tensor that you hold is a handle on them. One owner: the count is 1.", "x");
  const row = x.view(-1);
  step("A view", "A view has a shape of its own and the same bytes. It is one more owner, as another name would be in Python.");
  const y = x.pow(2);
  step("Saved for backward", "The gradient of x² is 2x: the node in the graph needs the values of x, so it owns them too.", "y");
  const loss = y.sum();
  loss.backward();
  step("Backward", "The node has used what it saved and lets go of it at once. The gradient has a storage of its own.", "loss", "x.grad");
  adam.step();
  step(
    "Optimizer state",
    "Adam keeps averages of the gradient and of its square. The optimizer owns them: nobody has a handle.",
    "expAvg",
    "expAvgSq",
  );
  loss.dispose();
  y.dispose();
  step(
    "Handles go",
    "The last owner of y and of the loss lets go: the count is 0, and the block is free at once. No collector was needed.",
  );
  x.grad?.dispose();
  x.grad = null;
  step(
    "The gradient goes",
    "zeroGrad({ setToNone: true }) would leave it to JavaScript’s collector: you might have kept x.grad, which no count tells.",
  );
  x.dispose();
  step("The view remains", "Your handle is gone, but the view still owns the bytes. They stay: nothing is freed behind your back.");
  row.dispose();
  step("The last owner goes", "The count is 0: the block goes back to the pool’s free list, and the next tensor of that size gets it.");
  for (const { expAvg, expAvgSq } of adam.state.values()) {
    expAvg?.dispose();
    expAvgSq?.dispose();
  }
  step("The state goes", "Disposed of here; with an optimizer that you merely drop, JavaScript’s collector notices some time later.");
  // end
  return steps;
}
