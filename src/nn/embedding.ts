import { withGrad } from "../autograd/modes.ts";
import { paddingIndex } from "../core/errors.ts";
import { reprFloat } from "../core/print/python.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { constructorArguments, type NamedArgs } from "./arguments.ts";
import { blankParameter, type FactoryOptions, place } from "./factory.ts";
import * as F from "./functional.ts";
import * as init from "./init.ts";
import { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface EmbeddingOptions extends F.EmbeddingOptions, FactoryOptions {}
type EmbeddingArguments = NamedArgs<
  { numEmbeddings: number; embeddingDim: number },
  [numEmbeddings: number, embeddingDim: number],
  [paddingIdx: number | null, maxNorm: number | null, normType: number, scaleGradByFreq: boolean],
  EmbeddingOptions
>;

/**
 * A table of vectors, looked up by whole numbers.
 *
 * Shape: (...), int64 -> (..., embeddingDim). The table starts standard normal, with zeros in row `paddingIdx`.
 *
 * @example
 * const embedding = new nn.Embedding(10, 3);
 * embedding(torch.tensor([[1n, 2n], [4n, 5n]])); // (2, 2, 3)
 */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  /** (numEmbeddings, embeddingDim) */
  weight: Parameter;

  constructor(...args: EmbeddingArguments) {
    super();
    const [numEmbeddings, embeddingDim, paddingIdx = null, maxNorm = null, normType = 2, scaleGradByFreq = false, device, dtype] =
      constructorArguments(
        ["numEmbeddings", "embeddingDim", "paddingIdx", "maxNorm", "normType", "scaleGradByFreq", "device", "dtype"],
        2,
        args,
      ) as [number, number, (number | null)?, (number | null)?, number?, boolean?, FactoryOptions["device"]?, FactoryOptions["dtype"]?];
    if (paddingIdx !== null && (paddingIdx >= numEmbeddings || paddingIdx < -numEmbeddings)) throw paddingIndex();
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.paddingIdx = paddingIdx !== null && paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx;
    this.maxNorm = maxNorm;
    this.normType = normType;
    this.scaleGradByFreq = scaleGradByFreq;
    this.weight = blankParameter([numEmbeddings, embeddingDim], dtype);
    this.resetParameters();
    place(this, device);
  }
  /** An embedding with the rows of a tensor (n, d); it is not trained unless `freeze` is false. */
  static fromPretrained(embeddings: Tensor, options: F.EmbeddingOptions & { freeze?: boolean } = {}): Embedding {
    const { freeze = true, ...more } = options;
    const [rows, width] = embeddings.shape as [number, number];
    const made = new Embedding(rows, width, more);
    made.weight = new Parameter(embeddings, !freeze);
    return made;
  }

  /** Draws the table anew. */
  resetParameters(): void {
    init.normal_(this.weight);
    const { paddingIdx, weight } = this;
    if (paddingIdx !== null) withGrad(false, () => weight.setAt(paddingIdx, 0));
  }

  forward(input: Tensor): Tensor {
    return F.embedding(input, this.weight, this.paddingIdx, this.maxNorm, this.normType, this.scaleGradByFreq);
  }
  override extraRepr(): string {
    const { paddingIdx, maxNorm, normType } = this;
    const parts = [`${this.numEmbeddings}`, `${this.embeddingDim}`];
    if (paddingIdx !== null) parts.push(`padding_idx=${paddingIdx}`);
    if (maxNorm !== null) parts.push(`max_norm=${reprFloat(maxNorm)}`);
    if (normType !== 2) parts.push(`norm_type=${reprFloat(normType)}`);
    if (this.scaleGradByFreq) parts.push("scale_grad_by_freq=True");
    return parts.join(", ");
  }
}
