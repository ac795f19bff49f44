/** Stages of a call are not for users: they come from the sources, compiled as they stand, and not from the built package. */
import { allocate, discard } from "../../src/dispatch/allocate.ts";
import { mapOne } from "../../src/dispatch/run.ts";
import * as torch from "../../src/index.ts";
import type { Compiled } from "../../src/kernel/kernel.ts";
import type { Pointwise } from "../../src/ops/define.ts";
import * as ops from "../../src/ops/index.ts";
import { record } from "../../src/tensor/call-pointwise.ts";
import { lookUp } from "../../src/tensor/plain-pointwise.ts";
import type { Row } from "../rows/row.ts";
import type { Task } from "./column.ts";

const TIMES = 100;
const NO_ARGS = {};

/** What each stage of `x.add(y)` does, with operands and kernel as the stage before leaves them. */
function stagesOf(): Readonly<Record<string, () => void>> {
  const { Tensor, scope } = torch;
  const add = ops.add as unknown as Pointwise;
  const [x, y] = [torch.rand(4).requiresGrad_(), torch.rand(4)];
  const inputs = [x.operand, y.operand];
  const { layout, dtype, device } = x.operand;
  const { kernel } = lookUp(add, dtype, 0, 1)!;
  const out = mapOne(kernel, inputs);
  out.storage.retain();
  const outputs = [out];
  const compiled: Compiled = kernel.compiled[device.backend.id]!;
  const recorded = x.add(y);
  const g = torch.ones(4);
  const params = [1];
  const args = [x, y];
  const plain = x.detach();
  const each = (f: () => void) => (): void => {
    for (let i = 0; i < TIMES; i++) f();
  };
  const scoped = (f: () => void) => {
    const run = each(f);
    return () => scope(run);
  };
  return {
    stage_call: scoped(() => plain.add(y).dispose()),
    stage_lookup: each(() => lookUp(add, dtype, 0, 1)),
    stage_dispatch: each(() => discard([mapOne(kernel, inputs)])),
    stage_allocation: each(() => discard([allocate(layout, dtype, device)])),
    stage_launch: each(() => compiled.run(inputs, outputs, NO_ARGS)),
    stage_handle: scoped(() => new Tensor(out).dispose()),
    stage_record: scoped(() => {
      const z = new Tensor(out);
      record(add, args, params, z);
      z.dispose();
    }),
    stage_backward: scoped(() => {
      x.grad = null;
      recorded.backward(g);
    }),
  };
}

export function stageTask(row: Row): Task | string {
  const run = stagesOf()[row.name];
  return run === undefined ? "has none" : { calls: TIMES, run, result: () => [] };
}
