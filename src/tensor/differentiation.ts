import { type BackwardOptions, runBackward, runBackwardAsync } from "../autograd/engine.ts";
import { isGradEnabled, withGrad } from "../autograd/modes.ts";
import { type Edge, Node } from "../autograd/node.ts";
import { gradShape, inputNeedsGrad, noGradFn, notScalarOutput, unusedInput, ValueError } from "../core/errors.ts";
import { Layout, sameShape } from "../core/layout.ts";
import type { Container } from "../memory/container.ts";
import { ownedBy } from "../memory/ownership.ts";
import { kernels } from "./kernels.ts";
import { Tensor, type TensorAutograd } from "./tensor.ts";

export interface BackwardArguments {
  /** The gradient of the tensor itself; may be left out for a scalar. */
  gradient?: Tensor | null;
  retainGraph?: boolean;
  createGraph?: boolean;
  /** Only these leaves get gradients. */
  inputs?: Tensor | readonly Tensor[];
}

export interface Differentiation {
  /**
   * Adds the gradient of this tensor to the `grad` of every leaf that it was computed from.
   * @example
   * loss.backward();
   * loss.backward({ createGraph: true });
   * @throws GradError and, where a gradient would have to be awaited on its way from one device to another, DeviceError: there,
   * `await loss.backwardAsync()`. No gradient has been written then.
   */
  backward(gradient?: Tensor | null | BackwardArguments, retainGraph?: boolean, createGraph?: boolean): void;
  /**
   * `backward` that awaits gradients on their way between devices, as from a model on a GPU to an embedding on the CPU. On one device it is the
   * same as `backward`.
   * @example await loss.backwardAsync();
   */
  backwardAsync(gradient?: Tensor | null | BackwardArguments, retainGraph?: boolean, createGraph?: boolean): Promise<void>;
}

/** Where the gradients of a leaf add up. */
class AccumulateGrad extends Node {
  private readonly leaf: Tensor;
  constructor(leaf: Tensor) {
    super("AccumulateGrad", [], Number.POSITIVE_INFINITY);
    this.leaf = leaf;
    // It goes with its leaf: kept by graphs alone while the leaf is a scope's, and as long as the leaf otherwise.
    this.counted = leaf.containerIfAny?.counted ?? false;
    this.addOutput(leaf.shape, leaf.dtype, leaf.device);
  }
  get variable(): Tensor {
    return this.leaf;
  }
  override traverse(visit: (child: Container) => void): void {
    const leaf = this.leaf.containerIfAny;
    if (leaf !== null) visit(leaf);
  }
  override backward([g]: readonly (Tensor | null)[]): (Tensor | null)[] {
    addGradient(this.leaf, g!);
    return [];
  }
}

/** Adds to the gradient of a tensor: in place, unless that is recorded. */
function addGradient(x: Tensor, g: Tensor): void {
  const old = x.borrowedGrad;
  const recording = isGradEnabled();
  if (old !== null && !recording) {
    old.add_(g);
    return;
  }
  // The gradient itself becomes `grad` where nobody else holds it; otherwise a copy, so that later additions are seen by no one else.
  const alone = !recording && g.ownsStorageAlone() && g.isContiguous();
  const next = alone
    ? g.detach()
    : ownedBy(
        () => (old !== null ? old.add(g) : recording ? g.clone() : g.detach().clone()),
        (y) => [y],
      );
  next.operand.storage.category = "gradient";
  x.replaceGrad(next);
}

/** A layout on a base's storage, relative to the base laid out row-major from 0. */
function relativeTo(base: Layout, view: Layout): Layout {
  return new Layout(view.shape, view.strides, view.offset - base.offset);
}

/** A tensor without values yet that lies in memory as the base does. */
const likeBase = (g: Tensor, base: Layout): Tensor => kernels.emptyStrided(base.shape, base.strides, g.dtype, g.device);

/** Whether every element of the storage is seen at most once: each dimension steps over all that the smaller steps reach. */
function seesOnce(l: Layout): boolean {
  const order = l.shape.flatMap((n, d) => (n > 1 ? [{ n, stride: Math.abs(l.strides[d]!) }] : [])).sort((x, y) => x.stride - y.stride);
  let reach = 0;
  for (const { n, stride } of order) {
    if (stride <= reach) return false;
    reach += (n - 1) * stride;
  }
  return true;
}

/** The history of a view whose base has a new one: the base seen as strided. */
class AsStridedNode extends Node {
  private readonly base: Layout;
  private readonly view: Layout;
  constructor(base: Tensor, view: Layout) {
    super("AsStridedBackward0", [base.gradientEdge()]);
    this.base = base.layout;
    this.view = view;
    this.addOutput(view.shape, base.dtype, base.device);
  }
  private gradient(g: Tensor): Tensor {
    const { base, view } = this;
    if (!seesOnce(base) || !seesOnce(view)) return g._asStridedBackward(base, view);
    const whole = likeBase(g, base).zero_();
    const { shape, strides, offset } = relativeTo(base, view);
    whole.asStrided(shape, strides, offset).copy_(g);
    return whole;
  }
  override backward([g]: readonly (Tensor | null)[]): (Tensor | null)[] {
    return ownedBy(
      () => [this.gradient(g!)],
      (list) => list,
    );
  }
}

/**
 * Rewrites the history of a base after one of its views was written to: the gradient of what was overwritten goes through the view's operation.
 * Written in recorded operations, so that it has a gradient itself.
 */
class CopySlices extends Node {
  private readonly base: Layout;
  private readonly view: Layout;
  private readonly inner: Node;
  constructor(base: Tensor, view: Layout, inner: Node) {
    super("torch::autograd::CopySlices", [base.gradientEdge(), ...inner.edges.slice(1)]);
    this.base = base.layout;
    this.view = relativeTo(base.layout, view);
    this.inner = inner;
  }
  override backward([g]: readonly (Tensor | null)[]): (Tensor | null)[] {
    return ownedBy(
      () => {
        const whole = likeBase(g!, this.base).copy_(g!);
        const part = whole.asStrided(this.view.shape, this.view.strides, this.view.offset);
        const results = this.inner.backward([part.clone()]);
        const [first] = results;
        if (first) part.copy_(first);
        else part.zero_();
        return [this.edges[0] === null ? null : whole, ...this.edges.slice(1).map((_, i) => results[i + 1] ?? null)];
      },
      (list) => list.filter((t) => t !== null),
    );
  }
  override release(): void {
    this.inner.release();
  }
}

export const tensorAutograd: TensorAutograd = {
  accumulate: (leaf) => new AccumulateGrad(leaf),
  viewNode: (base, layout) => new AsStridedNode(base, layout),
  copySlices: (base, view, node) => {
    // The node's own first edge was the view's old history; while it runs inside, its first gradient must be computed all the same.
    const made = new CopySlices(base, view, node);
    const first = made.edges[0];
    if (node.edges[0] === null && first) node.edges[0] = first;
    return made;
  },
};

const listOf = (x: Tensor | readonly Tensor[]): readonly Tensor[] => (x instanceof Tensor ? [x] : x);

/** The gradients to start from: those given, or ones for scalars. Handles of the engine's own. */
function seeds(outputs: readonly Tensor[], given: readonly (Tensor | null | undefined)[], createGraph: boolean): Tensor[] {
  return outputs.map((y, i) => {
    const g = given[i];
    if (g === null || g === undefined) {
      if (y.requiresGrad && y.numel() !== 1) throw notScalarOutput();
      return kernels.full(y.shape, 1, y.dtype, y.device);
    }
    if (!sameShape(g.shape, y.shape)) throw gradShape(i, g.shape, y.shape);
    return createGraph ? g.alias() : g.detach();
  });
}

/** A run of the engine, ready to start: at once or awaiting. */
interface Run {
  readonly roots: readonly Edge[];
  readonly grads: readonly Tensor[];
  readonly options: BackwardOptions;
}
type Found = (Tensor | null)[];
const now = ({ roots, grads, options }: Run): Found => runBackward(roots, grads, options);
const awaited = ({ roots, grads, options }: Run): Promise<Found> => runBackwardAsync(roots, grads, options);

function prepare(
  outputs: readonly Tensor[],
  given: readonly (Tensor | null | undefined)[],
  options: Omit<BackwardOptions, "inputs">,
  inputs: readonly Edge[] | undefined,
): Run {
  const grads = seeds(outputs, given, options.createGraph);
  const roots = outputs.map((y, i) => {
    const edge = y.gradientEdge();
    if (edge === null) throw noGradFn(i);
    return edge;
  });
  return { roots, grads, options: inputs === undefined ? options : { ...options, inputs } };
}

type GradTensors = Tensor | readonly (Tensor | null)[] | null;
type BackwardSettings = Omit<BackwardArguments, "gradient">;
const gradientList = (given: GradTensors): readonly (Tensor | null)[] => (given === null ? [] : given instanceof Tensor ? [given] : given);

function prepareBackward(tensors: Tensor | readonly Tensor[], gradTensors: GradTensors, options: BackwardSettings): Run {
  const createGraph = options.createGraph ?? false;
  const keepGraph = options.retainGraph ?? createGraph;
  const edges = options.inputs === undefined ? undefined : listOf(options.inputs).map((x) => x.gradientEdge() ?? raise(noGradFn(0)));
  return prepare(listOf(tensors), gradientList(gradTensors), { createGraph, keepGraph }, edges);
}

/** Adds the gradients found for named inputs to theirs. */
function accumulate({ inputs, createGraph = false }: BackwardSettings, found: Found): void {
  if (inputs === undefined) return;
  withGrad(createGraph, () => {
    listOf(inputs).forEach((x, i) => {
      const g = found[i];
      if (!g) return;
      addGradient(x, g);
      g.dispose();
    });
  });
}

/** `torch.autograd.backward`: adds the gradients of several tensors to their leaves. */
export function backward(tensors: Tensor | readonly Tensor[], gradTensors: GradTensors = null, options: BackwardSettings = {}): void {
  accumulate(options, now(prepareBackward(tensors, gradTensors, options)));
}

/** `backward` that awaits gradients on their way between devices. */
export async function backwardAsync(
  tensors: Tensor | readonly Tensor[],
  gradTensors: GradTensors = null,
  options: BackwardSettings = {},
): Promise<void> {
  accumulate(options, await awaited(prepareBackward(tensors, gradTensors, options)));
}

const raise = (e: Error): never => {
  throw e;
};

export interface GradArguments {
  gradOutputs?: Tensor | readonly (Tensor | null)[] | null;
  retainGraph?: boolean | null;
  createGraph?: boolean;
  /** Gives null for inputs that the outputs do not depend on, instead of raising. */
  allowUnused?: boolean;
}
type GradRest = readonly [GradArguments?] | readonly [GradArguments["gradOutputs"], GradArguments?];

function prepareGrad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  rest: GradRest,
): { run: Run; finish: (found: Found) => Found } {
  const last = rest.at(-1);
  const options: GradArguments = isArguments(last) ? last : {};
  const positional = rest.length > 0 && !isArguments(rest[0]) ? (rest[0] as GradArguments["gradOutputs"]) : undefined;
  const wanted = listOf(inputs);
  if (wanted.length === 0) throw new ValueError("grad requires non-empty inputs.");
  const edges = wanted.map((x) => x.gradientEdge() ?? raise(inputNeedsGrad()));
  const createGraph = options.createGraph ?? false;
  const given = gradientList(positional ?? options.gradOutputs ?? null);
  const run = prepare(listOf(outputs), given, { createGraph, keepGraph: options.retainGraph ?? createGraph }, edges);
  return {
    run,
    finish: (found) => {
      if (!options.allowUnused && found.includes(null)) throw unusedInput();
      return found;
    },
  };
}

/**
 * The gradients of `outputs` with respect to `inputs`, without touching any `grad`.
 * @example
 * const [dx] = torch.autograd.grad(y, x, { createGraph: true });
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  ...rest: GradRest
): readonly (Tensor | null)[] {
  const { run, finish } = prepareGrad(outputs, inputs, rest);
  return finish(now(run));
}

/** `grad` that awaits gradients on their way between devices. */
export async function gradAsync(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  ...rest: GradRest
): Promise<readonly (Tensor | null)[]> {
  const { run, finish } = prepareGrad(outputs, inputs, rest);
  return finish(await awaited(run));
}

const isArguments = (x: unknown): x is GradArguments => typeof x === "object" && x !== null && !(x instanceof Tensor) && !Array.isArray(x);

type MethodArguments = Parameters<Differentiation["backward"]>;

/** The arguments of the methods as those of the functions. */
function methodArguments([gradient, retainGraph, createGraph]: MethodArguments): [gradTensors: GradTensors, options: BackwardSettings] {
  const options: BackwardArguments = isArguments(gradient)
    ? { ...(gradient as BackwardArguments) }
    : { gradient: (gradient as Tensor | undefined) ?? null };
  if (retainGraph !== undefined) options.retainGraph = retainGraph;
  if (createGraph !== undefined) options.createGraph = createGraph;
  const { gradient: g = null, ...more } = options;
  return [g === null ? null : [g], more];
}

export const differentiation: Differentiation & ThisType<Tensor> = {
  backward(...args) {
    if (args.length === 0) backward(this);
    else backward(this, ...methodArguments(args));
  },
  async backwardAsync(...args) {
    await backwardAsync(this, ...methodArguments(args));
  },
};
