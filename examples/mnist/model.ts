import { nn, type Tensor } from "torchlet";

/**
 * A convolutional net of LeNet's size: 37,610 parameters and 121 MFLOP a training step at 64 images.
 *
 * Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), with max pooling and ReLU.
 */
export class LeNet extends nn.Module {
  private readonly conv1 = new nn.Conv2d(1, 8, 5);
  private readonly conv2 = new nn.Conv2d(8, 16, 5);
  private readonly pool = new nn.MaxPool2d(2);
  private readonly fc1 = new nn.Linear(256, 128);
  private readonly fc2 = new nn.Linear(128, 10);

  forward(x: Tensor): Tensor {
    let h = this.pool(this.conv1(x)).relu(); // (n, 8, 12, 12)
    h = this.pool(this.conv2(h)).relu(); // (n, 16, 4, 4)
    h = this.fc1(h.flatten(1)).relu(); // (n, 128)
    return this.fc2(h); // (n, 10)
  }
}

/** The net of PyTorch's own basic MNIST example: 1,199,882 parameters and 4.58 GFLOP a training step at 64 images. */
export class PyTorchNet extends nn.Module {
  private readonly conv1 = new nn.Conv2d(1, 32, 3);
  private readonly conv2 = new nn.Conv2d(32, 64, 3);
  private readonly pool = new nn.MaxPool2d(2);
  private readonly dropout1 = new nn.Dropout(0.25);
  private readonly dropout2 = new nn.Dropout(0.5);
  private readonly fc1 = new nn.Linear(9216, 128);
  private readonly fc2 = new nn.Linear(128, 10);

  forward(x: Tensor): Tensor {
    let h = this.conv1(x).relu(); // (n, 32, 26, 26)
    h = this.conv2(h).relu(); // (n, 64, 24, 24)
    h = this.dropout1(this.pool(h)).flatten(1); // (n, 9216)
    h = this.dropout2(this.fc1(h).relu()); // (n, 128)
    return this.fc2(h); // (n, 10)
  }
}

export type Classifier = LeNet | PyTorchNet;
export type Architecture = "lenet" | "pytorch";
export const architectures: Readonly<Record<Architecture, new () => Classifier>> = { lenet: LeNet, pytorch: PyTorchNet };

/** Multiplications with addition that one image takes forward, layer by layer: outputs times the inputs of each. */
const MULTIPLY_ADDS: Readonly<Record<Architecture, readonly number[]>> = {
  lenet: [8 * 24 * 24 * 25, 16 * 8 * 8 * 200, 256 * 128, 128 * 10],
  pytorch: [32 * 26 * 26 * 9, 64 * 24 * 24 * 288, 9216 * 128, 128 * 10],
};

/** Floating-point operations of a training step: backward takes those of forward twice, but for the first layer, whose input needs no gradient. */
export function stepFlops(arch: Architecture, batchSize: number): number {
  const [first = 0] = MULTIPLY_ADDS[arch];
  const forward = MULTIPLY_ADDS[arch].reduce((a, b) => a + b, 0);
  return 2 * (3 * forward - first) * batchSize;
}

export const parameterCount = (model: nn.Module): number => [...model.parameters()].reduce((n, p) => n + p.numel(), 0);
