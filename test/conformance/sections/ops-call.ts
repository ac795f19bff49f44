/** Finds and makes the call that an ops case records. */
import type { TensorLike } from "../api.ts";
import type { Context } from "../context.ts";
import { DIRECT, REFLECTED } from "../python/names.ts";
import { ObjectModel } from "../python/object-model.ts";
import { BoundMethod, drive, MissingAttribute, PyTuple, type Run } from "../python/values.ts";

type Arguments = { readonly args: readonly unknown[]; readonly keywords: ReadonlyMap<string, unknown> };

/** The result of `name` (`torch.X`, `Tensor.X`, `setitem`), as Python would give it. */
export async function callOp(context: Context, name: string, { args, keywords }: Arguments): Promise<unknown> {
  return await drive(run(context, name, args, keywords));
}

function* run(context: Context, name: string, args: readonly unknown[], keywords: ReadonlyMap<string, unknown>): Run<unknown> {
  const { api } = context;
  const model = new ObjectModel(api);
  if (name === "setitem") {
    const copy = (args[0] as TensorLike).clone();
    yield* model.setItem(copy, args[1], args[2]);
    return copy;
  }
  if (!name.startsWith("Tensor.")) return yield* api.call(api.resolve(name), args, keywords);
  const method = name.slice("Tensor.".length);
  const [self, ...rest] = args;
  if (method === "__getitem__") return yield* model.getItem(self, rest.length === 1 ? rest[0] : new PyTuple(rest));
  if (!api.isTensor(self)) return yield* callUnbound(context, method, args, keywords);
  const reflected = REFLECTED[method];
  if (reflected) {
    const [left] = rest;
    if (!api.isTensor(left)) return yield* model.reflected(reflected, left, self);
    return yield* model.binary(reflected, method === "__rpow__" ? left.detach() : left, self); // __rpow__ copies its base into a new tensor
  }
  const direct = DIRECT[method];
  if (direct) return yield* model.binary(direct, self, rest[0]);
  const inPlace = /[^_]_$/.test(method);
  const attribute = api.attribute(inPlace ? self.clone() : self, method);
  return attribute instanceof BoundMethod ? yield* api.call(attribute, rest, keywords) : attribute;
}

/** `Tensor.method(2, x)`: the method on a receiver that is not a tensor. */
function* callUnbound(context: Context, method: string, args: readonly unknown[], keywords: ReadonlyMap<string, unknown>): Run<unknown> {
  const { api } = context;
  const prototype = (api.resolve("torch.Tensor") as { prototype: object }).prototype;
  const bound = api.attribute(prototype, method);
  if (!(bound instanceof BoundMethod)) throw new MissingAttribute("Tensor", method);
  const [self, ...rest] = args;
  return yield* api.call(new BoundMethod(Object(api.toJs(self)) as object, method, bound.method), rest, keywords);
}
