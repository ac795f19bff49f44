/** Functions of a result that take out what is free in it: the signs and bases of a decomposition. The index names them. */
import type { Api, TensorLike } from "../api.ts";
import { product } from "../corpus.ts";
import { Mismatch } from "../outcome.ts";
import { ObjectModel } from "../python/object-model.ts";
import { driveNow, ELLIPSIS, finish, PySlice, PyTuple, type Run } from "../python/values.ts";
import { listOf } from "../structure.ts";

type Post = (model: ObjectModel, parts: readonly TensorLike[], call: string) => Run<unknown> | unknown;

/** By the text that the index gives, up to its first colon or semicolon. */
const POSTS: Readonly<Record<string, Post>> = {
  "(L, V*L @ V.mT)": function* (model, [values, vectors]) {
    const scaled = yield* model.binary("*", vectors, yield* asRow(model, values));
    return new PyTuple([values, yield* model.binary("@", scaled, model.api.attribute(vectors as TensorLike, "mT"))]);
  },
  "(solution,)": (_, [solution]) => new PyTuple([solution]),
  "(Q @ R, R.abs())": function* (model, [q, r]) {
    const size = yield* model.method(r as TensorLike, "abs");
    return new PyTuple(isEmpty(q) ? [size] : [yield* model.binary("@", q, r), size]);
  },
  "(S, U[..., :k]*S @ Vh[..., :k, :]) with k = S.shape[-1]": function* (model, [u, s, third]) {
    if (isEmpty(u) || isEmpty(third)) return new PyTuple([s]);
    const k = BigInt((s as TensorLike).shape.at(-1) as number);
    const all = new PySlice(null, null, null);
    const upTo = new PySlice(null, k, null);
    const vh = third as TensorLike;
    const left = yield* model.binary("*", yield* model.getItem(u, new PyTuple([ELLIPSIS, upTo])), yield* asRow(model, s));
    return new PyTuple([s, yield* model.binary("@", left, yield* model.getItem(vh, new PyTuple([ELLIPSIS, upTo, all])))]);
  },
};

/** `post` of a result. `torch.svd` gives V, where `torch.linalg.svd` gives its transpose. */
export function applyPost(api: Api, post: string, result: unknown, call: string): unknown {
  const name = (post.split(/[;:]\s(?!k)/)[0] ?? "").trim();
  const fn = POSTS[name];
  if (!fn) throw new Mismatch(`the function ${JSON.stringify(post)} of the result is not known here`);
  const parts = (listOf(result) ?? [result]) as readonly TensorLike[];
  const [u, s, v] = parts;
  const transposed = call === "torch.svd" && v ? [u as TensorLike, s as TensorLike, api.attribute(v, "mT") as TensorLike] : parts;
  return driveNow(finish(() => fn(new ObjectModel(api), transposed, call)));
}

/** [..., n] as [..., 1, n], so that it scales columns. */
function* asRow(model: ObjectModel, values: TensorLike | undefined): Run<unknown> {
  return yield* model.method(values as TensorLike, "unsqueeze", -2n);
}

function isEmpty(tensor: TensorLike | undefined): boolean {
  return product(tensor?.shape ?? [0]) === 0;
}
