import { isGradEnabled, isInferenceModeEnabled } from "../autograd/modes.ts";
import type { Edge, Hook, Node } from "../autograd/node.ts";
import type { DType } from "../core/dtype.ts";
import {
  ArgumentError,
  assignedGradType,
  dimOutOfRange,
  disposed,
  GradError,
  gradDtypeAttribute,
  gradDtypeMethod,
  hookNeedsGrad,
  inferenceInplace,
  inferenceRequiresGrad,
  inferenceViewInplace,
  leafInplace,
  leafViewInplace,
  matrixTranspose,
  multiViewInplace,
  noGradViewInplace,
  nonLeafFlag,
  ShapeError,
  size,
} from "../core/errors.ts";
import type { Layout } from "../core/layout.ts";
import { numel, sameShape } from "../core/layout.ts";
import type { Device } from "../dispatch/device.ts";
import { Operand } from "../dispatch/operand.ts";
import type { Container } from "../memory/container.ts";
import { asUser, disownedAt, Owner } from "../memory/ownership.ts";
import type { Storage } from "../memory/storage.ts";
import type { Methods } from "../ops/entry.ts";
import type * as ops from "../ops/index.ts";
import { AutogradMeta, type History, type ViewCreation, type ViewInfo } from "./autograd-meta.ts";
import type { Comparing } from "./comparing.ts";
import type { Conversions } from "./conversion.ts";
import type { Differentiation } from "./differentiation.ts";
import type { Indexing } from "./indexing.ts";
import type { Randomness } from "./random.ts";
import type { Reading } from "./reading.ts";
import type { Writing } from "./writing.ts";

/** What the autograd layer above provides to tensors, attached at the top to keep the classes free of cycles. */
export interface TensorAutograd {
  accumulate(leaf: Tensor): Node;
  /** The history of a view whose base was written to: seen as strided from the base. */
  viewNode(base: Tensor, layout: Layout): Node;
  copySlices(base: Tensor, view: Layout, node: Node): Node;
}
/** Python's name for the type of what is no tensor. */
function assignedType(x: unknown): string {
  if (typeof x === "number") return Number.isInteger(x) ? "int" : "float";
  const names: Record<string, string> = { string: "str", boolean: "bool", bigint: "int" };
  return names[typeof x] ?? (Array.isArray(x) ? "list" : "dict");
}

let autograd: TensorAutograd;
export function attachAutograd(a: TensorAutograd): void {
  autograd = a;
}

/**
 * An n-dimensional array on a device, with gradients: a handle on an operand (storage, layout, dtype). Views share the storage; `clone()` copies it;
 * `a === b` is identity and `torch.equal(a, b)` equality of values.
 *
 * @example
 * const x = torch.tensor([[1, 2], [3, 4]], { requiresGrad: true });
 * x.mul(x).sum().backward();
 * console.log(String(x.grad)); // tensor([[2., 4.], [6., 8.]])
 */
export class Tensor extends Owner {
  private impl: Operand;
  private meta: AutogradMeta | null = null;

  constructor(operand: Operand) {
    super(operand.storage, true);
    this.impl = operand;
    if (isInferenceModeEnabled()) this.ensureMeta().inference = true;
  }

  private ensureMeta(): AutogradMeta {
    if (this.meta === null) {
      this.meta = new AutogradMeta(this.isScoped);
      if (this.owned !== null) this.meta.incref();
    }
    return this.meta;
  }

  // ---- as a container: see Note [Counted containers]

  /** What stands for it among containers. */
  get container(): Container {
    return this.ensureMeta();
  }
  /** The same where its references are counted or it has references already. */
  get containerIfAny(): Container | null {
    return this.isScoped ? this.ensureMeta() : this.meta;
  }
  protected override unclaimed(): void {
    this.meta?.decref();
  }
  protected override reclaimed(): void {
    this.meta?.incref();
  }
  protected override escaped(): void {
    this.meta?.uncount();
  }

  /** Storage, layout and dtype, for kernels. */
  get operand(): Operand {
    if (this.owned === null) throw disposed(disownedAt(this));
    return this.impl;
  }

  // ---- what it looks like

  /** The size of each dimension. */
  get shape(): readonly number[] {
    return this.impl.layout.shape;
  }
  /** The number of dimensions. */
  get ndim(): number {
    return this.impl.layout.shape.length;
  }
  get dtype(): DType {
    return this.impl.dtype;
  }
  get device(): Device {
    return this.impl.device;
  }
  get layout(): Layout {
    return this.impl.layout;
  }
  /** The shape, or the size of one dimension. */
  size(): readonly number[];
  size(dim: number): number;
  size(dim?: number): number | readonly number[] {
    return dim === undefined ? this.shape : this.shape[this.dimIndex(dim)]!;
  }
  /** The number of dimensions. */
  dim(): number {
    return this.ndim;
  }
  /** The number of elements. */
  numel(): number {
    return this.impl.layout.numel;
  }
  /** The number of elements. */
  nelement(): number {
    return this.numel();
  }
  /** Bytes of one element. */
  elementSize(): number {
    return this.dtype.itemsize;
  }
  /** Elements of storage between neighbours along each dimension, or along one. */
  stride(): readonly number[];
  stride(dim: number): number;
  stride(dim?: number): number | readonly number[] {
    return dim === undefined ? this.impl.layout.strides : this.impl.layout.strides[this.dimIndex(dim)]!;
  }
  /** The place of the first element in the storage, in elements. */
  storageOffset(): number {
    return this.impl.layout.offset;
  }
  isContiguous(): boolean {
    return this.impl.layout.isContiguous;
  }
  isFloatingPoint(): boolean {
    return this.dtype.isFloatingPoint;
  }
  /** The storage, which views share: `a.untypedStorage() === b.untypedStorage()`. */
  untypedStorage(): Storage {
    return this.operand.storage;
  }
  /** How often the storage has been written to in place. */
  get version(): number {
    return this.operand.storage.version;
  }
  /** The dimensions in reverse order; of a matrix, its transpose. */
  get T(): Tensor {
    return this.permute(this.shape.map((_, d) => this.ndim - 1 - d));
  }
  /** The last two dimensions exchanged. */
  get mT(): Tensor {
    if (this.ndim === 1) throw matrixTranspose(this.ndim);
    return this.ndim === 0 ? this.transpose(0, 0) : this.transpose(-2, -1);
  }
  /** A dimension counted from the front: -1 is the last. */
  dimIndex(dim: number): number {
    const n = Math.max(this.ndim, 1);
    if (!Number.isInteger(dim)) throw new ArgumentError(`a dimension must be an integer, not ${dim}`);
    if (dim < -n || dim >= n) throw dimOutOfRange(dim, this.ndim);
    return dim < 0 ? dim + n : dim;
  }

  // ---- autograd

  get requiresGrad(): boolean {
    const { meta } = this;
    if (meta === null) return false;
    const { view } = meta;
    if (meta.requiresGrad || meta.node !== null || view === null) return meta.requiresGrad || meta.node !== null;
    return view.creation === "default" ? this.gradFn !== null : this.isStale(view) && view.base.requiresGrad;
  }
  set requiresGrad(value: boolean) {
    if (!this.isLeaf) {
      if (!value) throw nonLeafFlag();
      return;
    }
    if (value && !this.dtype.isFloatingPoint) throw gradDtypeAttribute();
    if (value && this.isInference() && !isInferenceModeEnabled()) throw inferenceRequiresGrad();
    if (value || this.meta !== null) this.ensureMeta().requiresGrad = value;
  }
  /** Sets `requiresGrad` and gives the tensor back. */
  requiresGrad_(value: boolean = true): this {
    if (value && !this.dtype.isFloatingPoint) throw gradDtypeMethod();
    this.requiresGrad = value;
    return this;
  }
  /** Whether it was made by the user rather than by a recorded operation. */
  get isLeaf(): boolean {
    return this.meta === null || this.gradFn === null;
  }
  isInference(): boolean {
    return this.meta?.inference === true;
  }

  /** Whether the storage was written to since the view's history was right. */
  private isStale(view: ViewInfo): boolean {
    return view.version !== this.impl.storage.version;
  }

  /** The node that recorded the operation it comes from; null for leaves. */
  get gradFn(): Node | null {
    const { meta } = this;
    if (meta === null) return null;
    const { view } = meta;
    if (view !== null && this.isStale(view) && (meta.node !== null || view.base.requiresGrad)) {
      if (view.base.gradFn !== null || view.base.requiresGrad) {
        if (view.creation === "default") {
          // Written to through the base or another view since: its history is now that of the base, seen through the view's layout.
          this.moveHistory(autograd.viewNode(view.base, this.impl.layout), 0);
        } else if (isGradEnabled()) throw this.forbiddenView(view.creation, true);
        else return meta.node;
      }
      view.version = this.impl.storage.version;
    }
    return meta.node;
  }
  /** Which output of `gradFn` it is. */
  get outputNr(): number {
    return this.meta?.output ?? 0;
  }

  /** Where the gradient of this tensor goes, or null if none is wanted. */
  gradientEdge(): Edge | null {
    const { meta } = this;
    if (meta === null) return null;
    const node = this.gradFn;
    if (node !== null) return { node, index: meta.output };
    if (!meta.requiresGrad) return null;
    meta.accumulate ??= autograd.accumulate(this);
    return { node: meta.accumulate, index: 0 };
  }

  /** Makes it output `index` of a node. For handles that the library makes. */
  setEdge({ node, index }: Edge): void {
    const meta = this.ensureMeta();
    if (node.name === "AccumulateGrad") {
      meta.requiresGrad = true;
      meta.accumulate = node;
    } else meta.setNode(node, index);
  }

  /** Records it as the next output of a node. */
  setHistory(node: Node): void {
    const index = node.addOutput(this.shape, this.dtype, this.device);
    this.ensureMeta().setNode(node, index);
  }

  /** Marks it as a view of `of`. */
  setView(of: Tensor, creation: ViewCreation = "default", piece: number = 0): void {
    const base = of.meta?.view?.base ?? of;
    const inherited = of.meta?.view?.creation ?? "default";
    const how = isInferenceModeEnabled() ? "inference" : creation !== "default" ? creation : !isGradEnabled() ? "noGrad" : inherited;
    this.ensureMeta().setView({ base, creation: how, piece, version: this.impl.storage.version });
    this.ownAs("view");
    this.sharesMode(of);
  }
  /** Makes it a tensor of its own: nobody else knows the one that it is a view of. */
  forgetView(): void {
    this.meta!.clearView();
    this.ownAs("handle");
  }
  /** What shows the memory of another tensor takes part in autograd, or not, as that does. */
  private sharesMode(of: Tensor): this {
    if (this.isInference() !== of.isInference()) this.ensureMeta().inference = of.isInference();
    return this;
  }

  /** The tensor that this is a view of, or null. */
  get base(): Tensor | null {
    return this.meta?.view?.base ?? null;
  }

  /** Why a view that came about in a special way may not be written to, or used after its base was. */
  private forbiddenView(creation: ViewCreation, indirect: boolean): GradError {
    if (creation === "multiple") return multiViewInplace(this.meta!.node?.name ?? "", this.meta!.view!.piece, indirect);
    return creation === "noGrad" ? noGradViewInplace(indirect) : inferenceViewInplace(indirect);
  }

  /** Raises where an in-place operation is not allowed; `recording`: what is written has a gradient. */
  checkInplace(recording: boolean = false): void {
    if (this.isInference() && !isInferenceModeEnabled()) throw inferenceInplace();
    if (!isGradEnabled()) return;
    const view = this.meta?.view ?? null;
    if (view !== null) {
      if (!recording && !this.requiresGrad && !view.base.requiresGrad) return;
      if (view.creation !== "default") throw this.forbiddenView(view.creation, false);
      if ((view.base.isLeaf && view.base.requiresGrad) || (this.requiresGrad && this.isLeaf)) throw leafViewInplace();
    } else if (this.requiresGrad && this.isLeaf) throw leafInplace();
  }

  /** Makes `node` its history after an in-place operation; a view hands it on to its base. */
  rebaseHistory(node: Node): void {
    const view = this.meta?.view ?? null;
    if (view === null) {
      this.replaceHistory(node);
      return;
    }
    if (view.creation !== "default") throw this.forbiddenView(view.creation, false);
    node.addOutput(this.shape, this.dtype, this.device);
    const copy = autograd.copySlices(view.base, this.impl.layout, node);
    view.base.replaceHistory(copy);
    this.moveHistory(autograd.viewNode(view.base, this.impl.layout), 0);
    view.version = this.impl.storage.version;
  }

  private replaceHistory(node: Node): void {
    this.moveHistory(node, node.addOutput(this.shape, this.dtype, this.device));
    this.meta!.requiresGrad = false;
  }
  /** Makes it an output of another node; a gradient that it retains is from now on that node's. */
  private moveHistory(node: Node, output: number): void {
    const meta = this.ensureMeta();
    if (meta.retainsGrad) {
      delete meta.node?.retain?.[meta.output];
      this.installRetain(node, output);
    }
    meta.setNode(node, output);
  }

  /** The gradient of a leaf after backward, or of a tensor that retains it. */
  get grad(): Tensor | null {
    const { meta } = this;
    if (meta === null) return null;
    meta.unseenGrad = false;
    return meta.grad;
  }
  set grad(value: Tensor | null) {
    if (value === null || value === undefined) {
      this.meta?.setGrad(null);
      return;
    }
    if (!(value instanceof Tensor)) throw assignedGradType(assignedType(value));
    if (!sameShape(value.shape, this.shape)) {
      throw new GradError("assigned grad has data of a different size");
    }
    if (value.dtype !== this.dtype) throw new GradError("assigned grad has data of a different type");
    if (value === this) throw new GradError("can't assign Variable as its own grad");
    this.ensureMeta().setGrad(value);
  }

  /** `grad` for code that does not keep it: see Note [Gradients nobody has seen]. */
  get borrowedGrad(): Tensor | null {
    return this.meta?.grad ?? null;
  }
  /** Sets `grad` as accumulation does: whatever shape the tensor has by now, and to a handle that nobody else has. */
  replaceGrad(value: Tensor): void {
    this.ensureMeta().setGrad(value, true);
  }
  /** Where its history stands, also after later in-place operations: for messages. */
  get history(): History | null {
    return this.meta;
  }

  /** Keeps the gradient of a tensor that is not a leaf in `grad`. */
  retainGrad(): void {
    if (!this.requiresGrad) throw new GradError("can't retain_grad on Tensor that has requires_grad=False");
    const meta = this.ensureMeta();
    const node = this.gradFn;
    if (node === null || meta.retainsGrad) return;
    meta.retainsGrad = true;
    this.installRetain(node, meta.output);
  }
  get retainsGrad(): boolean {
    return this.meta?.retainsGrad ?? false;
  }
  private installRetain(node: Node, index: number): void {
    node.retain ??= [];
    node.retain[index] = (g) => {
      const old = this.borrowedGrad;
      // The scope that the tensor was made in may have ended, and its gradient with it.
      this.replaceGrad(old === null || old.isDisposed ? g.clone() : old.add(g));
    };
  }

  /**
   * Calls `hook` with the gradient of this tensor whenever it is computed; what it returns, if anything, takes the gradient's place.
   * @returns a handle whose `remove()` takes the hook away.
   */
  registerHook(hook: (grad: Tensor) => Tensor | null | undefined | void): RemovableHandle {
    if (!this.requiresGrad) throw hookNeedsGrad();
    const edge = this.gradientEdge()!;
    const { node, index } = edge;
    node.hooks ??= [];
    const list = (node.hooks[index] ??= []);
    const own = ((g: Tensor) => hook(g)) as Hook;
    Object.defineProperty(own, "name", { value: hook.name === "" ? "<lambda>" : hook.name });
    list.push(own);
    return { remove: () => void (list.includes(own) && list.splice(list.indexOf(own), 1)) };
  }

  /** The same values without history: a view that does not require gradients. */
  detach(): Tensor {
    return new Tensor(this.operand).sharesMode(this);
  }
  /** Takes the history away. */
  detach_(): this {
    if (this.base !== null) {
      throw new GradError(
        "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be called on these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution.",
      );
    }
    if (this.meta !== null) {
      this.meta.setNode(null, 0);
      this.meta.requiresGrad = false;
    }
    return this;
  }
  /** The values without history; writes through it are not seen by autograd's checks. Assigning puts other values in this tensor's place. */
  get data(): Tensor {
    const { storage, layout, dtype, device } = this.operand;
    return new Tensor(new Operand(storage, layout, dtype, device, true)).sharesMode(this);
  }
  set data(other: Tensor) {
    const operand = other.operand;
    const { category } = this.operand.storage;
    if (operand.storage.category === "temporary") operand.storage.category = category;
    this.reown(operand.storage);
    this.impl = operand;
    const old = this.meta?.accumulate ?? null;
    if (old === null) return;
    // A leaf's gradients now have the new shape, and are on the new device; hooks stay.
    this.meta!.accumulate = old.hooks === null ? null : autograd.accumulate(this);
    if (old.hooks !== null) this.meta!.accumulate!.hooks = old.hooks;
  }

  // ---- handles

  /** Another handle on the same operand, with the same history. */
  alias(): Tensor {
    const x = new Tensor(this.operand).sharesMode(this);
    const edge = this.gradientEdge();
    if (edge !== null) x.setEdge(edge);
    return x;
  }
  /** The same, owned by user code whatever scope is open. */
  aliasForUser(): Tensor {
    return asUser(() => this.alias());
  }
  /** Runs user code from inside the library. */
  callAsUser<T>(f: () => T): T {
    return asUser(f);
  }
  /** Whether nobody else holds its storage. */
  ownsStorageAlone(): boolean {
    return this.operand.storage.refs === 1;
  }
  /** Gives its memory back now, unless views or the graph still need it. Using it later is a DisposedError. Calling it again does nothing. */
  dispose(): void {
    this.disown();
  }
  [Symbol.dispose](): void {
    this.disown();
  }
  get isDisposed(): boolean {
    return this.owned === null;
  }

  get [Symbol.toStringTag](): string {
    return "Tensor";
  }
}

/** What registering a hook gives back. */
export interface RemovableHandle {
  remove(): void;
}

/** The methods of the table of ops, and of the files beside this one; `attach.ts` puts them in place. */
export interface Tensor extends Methods<typeof ops>, Comparing, Conversions, Differentiation, Indexing, Randomness, Reading, Writing {}

/** Raises unless a size is a whole number of at least 0. */
export function checkSize(shape: readonly number[]): void {
  for (const n of shape) if (n < 0) throw new ShapeError(`Trying to create tensor with negative dimension ${n}: [${shape.join(", ")}]`);
}
export { numel, size };
