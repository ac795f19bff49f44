import { ArgumentError } from "../core/errors.ts";
import { Container as Counted } from "./container.ts";

/** What a container can hold besides others: a tensor. */
export interface Holdable {
  hold(): void;
  unhold(holderIsGone: boolean): void;
  readonly container: Counted;
}

/** What the collector sees of a user's container. It does not refer to the object that user code holds, so that this one can be found dead. */
class Holdings extends Counted {
  readonly tensors: Holdable[] = [];
  readonly containers: Holdings[] = [];

  constructor() {
    super(true);
  }

  add(x: Holdable | Holdings): void {
    if (!(x instanceof Holdings)) {
      x.hold();
      this.refer(x.container);
      this.tensors.push(x);
    } else {
      this.refer(x);
      this.containers.push(x);
    }
  }

  remove(x: Holdable | Holdings): boolean {
    const list: (Holdable | Holdings)[] = x instanceof Holdings ? this.containers : this.tensors;
    const at = list.indexOf(x);
    if (at < 0) return false;
    list.splice(at, 1);
    if (!(x instanceof Holdings)) {
      // First: were there no reference in between, what it refers to would be gone.
      x.unhold(false);
      this.unrefer(x.container);
    } else this.unrefer(x);
    return true;
  }

  override traverse(visit: (child: Counted) => void): void {
    for (const x of this.tensors) visit(x.container);
    for (const c of this.containers) visit(c);
  }

  protected override free(): void {
    for (const x of this.tensors.splice(0)) x.unhold(true);
    this.containers.length = 0;
  }
}

const registry = new FinalizationRegistry<Holdings>((holdings) => holdings.decref());

/**
 * A container of your own that holds tensors and other containers, as a list or an object does in Python: what it holds lives beyond the scope that
 * made it, as long as the container lives. It lives until `dispose`, or until JavaScript's collector finds it dead, and as long as another
 * container holds it. Containers that hold each other in a ring are found by `torch.memory.gc`. Subclass it, or use it as it is.
 *
 * @example
 * const episode = new torch.memory.Container();
 * torch.scope(() => episode.hold(model(state)));
 * episode.dispose(); // the tensor goes with it
 */
export class Container {
  readonly #holdings = new Holdings();
  #disposed = false;

  constructor() {
    this.#holdings.incref();
    registry.register(this, this.#holdings, this);
  }

  /** Holds tensors and containers, each as often as it is given. */
  hold(...things: readonly (Holdable | Container)[]): this {
    if (this.#disposed) throw new ArgumentError("hold(): the container has been disposed of");
    for (const x of things) this.#holdings.add(x instanceof Container ? x.#holdings : x);
    return this;
  }

  /** Holds things no more. @returns whether it held all of them. */
  drop(...things: readonly (Holdable | Container)[]): boolean {
    let all = true;
    for (const x of things) all = this.#holdings.remove(x instanceof Container ? x.#holdings : x) && all;
    return all;
  }

  /** How many references there are to it: yours, and those of containers that hold it. */
  get refs(): number {
    return this.#holdings.refs;
  }

  /** Gives up your reference. What it holds goes with the last one. Calling it again does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    registry.unregister(this);
    this.#holdings.decref();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}
