/**
 * Every error sentence of the library, in PyTorch's words where it has them, so that searching for one finds PyTorch's answers.
 * `pythonType` names the exception that PyTorch raises in the same place.
 */

import {
  ArgumentError,
  DeviceError,
  DisposedError,
  DTypeError,
  FileError,
  GradError,
  IndexError,
  KeyError,
  OutOfMemoryError,
  ShapeError,
  TorchletError,
  UnsupportedError,
  ValueError,
} from "./error-classes.ts";
import { reprFloat } from "./print/float-format.ts";

export * from "./error-classes.ts";

const list = (shape: readonly (number | bigint)[]): string => `[${shape.join(", ")}]`;
/** `torch.Size([2, 3])` */
export const size = (shape: readonly number[]): string => `torch.Size(${list(shape)})`;

// ---- shapes and dimensions

export const sizeMismatch = (a: number, b: number, dim: number): ShapeError =>
  new ShapeError(`The size of tensor a (${a}) must match the size of tensor b (${b}) at non-singleton dimension ${dim}`);

export function dimOutOfRange(dim: number, ndim: number): IndexError {
  const n = Math.max(ndim, 1);
  return new IndexError(`Dimension out of range (expected to be in range of [${-n}, ${n - 1}], but got ${dim})`);
}

export const dimTwice = (dim: number): ShapeError => new ShapeError(`dim ${dim} appears multiple times in the list of dims`);

export const invalidShape = (shape: readonly number[], numel: number): ShapeError =>
  new ShapeError(`shape '${list(shape)}' is invalid for input of size ${numel}`);

export const twoInferred = (): ShapeError => new ShapeError("only one dimension can be inferred");

export const ambiguousInferred = (shape: readonly number[]): ShapeError =>
  new ShapeError(
    `cannot reshape tensor of 0 elements into shape ${list(shape)} because the unspecified dimension size -1 can be any value and is ambiguous`,
  );

export const notViewable = (): ShapeError =>
  new ShapeError(
    "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). " +
      "Use .reshape(...) instead.",
  );

export const negativeDimension = (dim: number, shape: readonly number[]): ShapeError =>
  new ShapeError(`Trying to create tensor with negative dimension ${dim}: ${list(shape)}`);

export const expandRank = (typeName: string, from: readonly number[], to: readonly number[]): ShapeError =>
  new ShapeError(
    `expand(${typeName}{${list(from)}}, size=${list(to)}): the number of sizes provided (${to.length}) must be greater or equal to the ` +
      `number of dimensions in the tensor (${from.length})`,
  );

export const expandSize = (to: readonly number[], from: readonly number[], dim: number, existing: number): ShapeError =>
  new ShapeError(
    `The expanded size of the tensor (${to[dim]}) must match the existing size (${existing}) at non-singleton dimension ${dim}.  ` +
      `Target sizes: ${list(to)}.  Tensor sizes: ${list(from)}`,
  );

export const sumToShape = (to: readonly number[], from: readonly number[]): ShapeError =>
  new ShapeError(`size {${list(to)}} is not expandable to size {${list(from)}}.`);
export const expandNewDim = (to: readonly number[], dim: number): ShapeError =>
  new ShapeError(`The expanded size of the tensor (${to[dim]}) isn't allowed in a leading, non-existing dimension ${dim}`);

export const permuteRank = (ndim: number, n: number): ShapeError =>
  new ShapeError(
    "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions " +
      `i.e. input.dim() = ${ndim} is not equal to len(dims) = ${n}`,
  );
export const permuteTwice = (): ShapeError => new ShapeError("permute(): duplicate dims are not allowed.");

export const tooManyDimsForT = (ndim: number): ShapeError =>
  new ShapeError(`t() expects a tensor with <= 2 dimensions, but self is ${ndim}D`);

export const matrixTranspose = (ndim: number): ShapeError =>
  new ShapeError(`tensor.mT is only supported on matrices or batches of matrices. Got ${ndim}-D tensor.`);
export const narrowLength = (start: number, length: number, size: number): ShapeError =>
  new ShapeError(`start (${start}) + length (${length}) exceeds dimension size (${size}).`);

export const flattenOrder = (): ShapeError => new ShapeError("flatten() has invalid args: start_dim cannot come after end_dim");

export const splitZero = (size: number): ShapeError =>
  new ShapeError(`split_size can only be 0 if dimension size is 0, but got dimension size of ${size}`);

export const outputShape = (shape: readonly number[], broadcast: readonly number[]): ShapeError =>
  new ShapeError(`output with shape ${list(shape)} doesn't match the broadcast shape ${list(broadcast)}`);

export const matmulShapes = (a: readonly number[], b: readonly number[]): ShapeError =>
  new ShapeError(`mat1 and mat2 shapes cannot be multiplied (${a.join("x")} and ${b.join("x")})`);

export const catRank = (a: number, b: number): ShapeError =>
  new ShapeError(`Tensors must have same number of dimensions: got ${a} and ${b}`);
export const catSizes = (dim: number, expected: number, got: number, i: number): ShapeError =>
  new ShapeError(
    `Sizes of tensors must match except in dimension ${dim}. Expected size ${expected} but got size ${got} for tensor number ${i} in the list.`,
  );
export const catEmpty = (): ShapeError => new ShapeError("torch.cat(): expected a non-empty list of Tensors");
export const stackEmpty = (): ShapeError => new ShapeError("stack expects a non-empty TensorList");
export const stackSizes = (first: readonly number[], other: readonly number[], i: number): ShapeError =>
  new ShapeError(`stack expects each tensor to be equal size, but got ${list(first)} at entry 0 and ${list(other)} at entry ${i}`);

export const reduceEmpty = (op: string): ShapeError =>
  new ShapeError(
    `${op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.`,
  );
export const positionInEmpty = (op: string): IndexError =>
  new IndexError(`${op}(): Expected reduction dim to be specified for input.numel() == 0.`);
export const reduceEmptyDim = (op: string, dim: number): IndexError =>
  new IndexError(`${op}(): Expected reduction dim ${dim} to have non-zero size.`);

// ---- indexing

export const indexOutOfBounds = (index: number | bigint, dim: number, size: number, pythonType?: string): IndexError =>
  new IndexError(`index ${index} is out of bounds for dimension ${dim} with size ${size}`, pythonType);
export const selectOutOfRange = (index: number, shape: readonly number[], dim: number): IndexError =>
  new IndexError(`select(): index ${index} out of range for tensor of size ${list(shape)} at dimension ${dim}`);
export const zeroDimIndex = (): IndexError =>
  new IndexError(
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number",
  );
export const tooManyIndices = (ndim: number): IndexError => new IndexError(`too many indices for tensor of dimension ${ndim}`);
export const invalidIndex = (got: string): IndexError =>
  new IndexError(`only integers, slices (\`:\`), ellipsis (\`...\`), None and long or byte Variables are valid indices (got ${got})`);
export const indexDtype = (): IndexError => new IndexError("tensors used as indices must be long, byte or bool tensors");
export const negativeStep = (): ValueError => new ValueError("step must be greater than zero");
export const zeroStep = (): ValueError => new ValueError("slice step cannot be zero");
export const maskShape = (mask: readonly number[], maskDim: number, shape: readonly number[], dim: number): IndexError =>
  new IndexError(
    `The shape of the mask ${list(mask)} at index ${maskDim} does not match the shape of the indexed tensor ${list(shape)} at index ${dim}`,
  );
export const maskedSelectMask = (): DTypeError => new DTypeError("masked_select: expected BoolTensor or ByteTensor for mask");
export const indexShapes = (shapes: readonly (readonly number[])[]): IndexError =>
  new IndexError(`shape mismatch: indexing tensors could not be broadcast together with shapes ${shapes.map(list).join(", ")}`);
export const indexValueShape = (value: readonly number[], target: readonly number[]): ShapeError =>
  new ShapeError(`shape mismatch: value tensor of shape ${list(value)} cannot be broadcast to indexing result of shape ${list(target)}`);
export const indexIntoEmpty = (): IndexError => new IndexError("index is out of bounds for dimension with size 0");
export const indexPutDtypes = (to: string, from: string): DTypeError =>
  new DTypeError(`Index put requires the source and destination dtypes match, got ${to} for the destination and ${from} for the source.`);

// ---- dtypes and values

export const resultCast = (from: string, to: string): DTypeError =>
  new DTypeError(`result type ${from} can't be cast to the desired output type ${to}`);
export const notForDtype = (kernel: string, dtype: string): DTypeError => new DTypeError(`"${kernel}" not implemented for '${dtype}'`);
export const expectedDtype = (expected: string, found: string): DTypeError =>
  new DTypeError(`expected scalar type ${expected} but found ${found}`);
export const longTarget = (found: string): DTypeError => new DTypeError(`expected scalar type Long but found ${found}`);
export const boolSubtract = (): DTypeError =>
  new DTypeError("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.");
export const boolSubtractOne = (): DTypeError =>
  new DTypeError(
    "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
  );
export const reluBool = (): DTypeError => new DTypeError("Boolean inputs not supported for relu");
export const clampNeither = (): ValueError =>
  new ValueError("torch.clamp: At least one of 'min' or 'max' must not be None", "RuntimeError");
export const boolNegative = (): DTypeError =>
  new DTypeError(
    "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
  );
export const gradDtype = (): DTypeError => new DTypeError("Only Tensors of floating point and complex dtype can require gradients");
/** The sentences of the attribute and of the method differ from that of creation. */
export const gradDtypeAttribute = (): DTypeError =>
  new DTypeError("only Tensors of floating point and complex dtype can require gradients");
export const gradDtypeMethod = (): DTypeError => new DTypeError("only Tensors of floating point dtype can require gradients");
export const maskedFillValue = (ndim: number): DTypeError =>
  new DTypeError(`masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ${ndim} dimension(s).`);
export const whereCondition = (dtype: string): DTypeError =>
  new DTypeError(`where expected condition to be a boolean tensor, but got a tensor with dtype ${dtype}`);
export const negativeIntegerPower = (): DTypeError => new DTypeError("Integers to negative integer powers are not allowed.");
export const fractionalAlpha = (): DTypeError =>
  new DTypeError("For integral input tensors, argument alpha must not be a floating point number.");
export const integerAddcdiv = (): DTypeError =>
  new DTypeError(
    "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true division of tensor1 and " +
      "tensor2. The historic addcdiv behavior can be implemented as (input + value * torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer " +
      "inputs and as (input + value * tensor1 / tensor2) for float inputs. The future addcdiv behavior is just the latter implementation: " +
      "(input + value * tensor1 / tensor2), for all dtypes.",
  );
export const zeroDivision = (): TorchletError => new TorchletError("ZeroDivisionError");
export const cannotConvertToScalar = (numel: number): ValueError =>
  numel === 1
    ? new ValueError("only one element tensors can be converted to Python scalars")
    : new ValueError("only one element tensors can be converted to Python scalars");
export const ambiguousBool = (empty: boolean): TorchletError =>
  new TorchletError(
    empty ? "Boolean value of Tensor with no values is ambiguous" : "Boolean value of Tensor with more than one value is ambiguous",
  );
export const unsafeInteger = (value: bigint): DTypeError =>
  new DTypeError(`${value} does not fit a JavaScript number without loss: read it with itemBigInt() or toTypedArray()`);

// ---- arguments

export const unexpectedKeyword = (name: string, key: string): ArgumentError =>
  new ArgumentError(`${name}() got an unexpected keyword argument '${key}'`, key);
export const missingArguments = (name: string, names: readonly string[]): ArgumentError =>
  new ArgumentError(`${name}() missing ${names.length} required positional arguments: ${names.map((n) => `"${n}"`).join(", ")}`);
/** PyTorch's spelling of one of our names: `logSoftmax` as `log_softmax`. */
export const pythonName = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
export const argumentType = (name: string, argument: string, position: number, expected: string, got: string): ArgumentError =>
  new ArgumentError(`${pythonName(name)}(): argument '${argument}' (position ${position}) must be ${expected}, not ${got}`);
/** No overload fits. Each signature is in PyTorch's notation; those with as many parameters as were given say which types were wrong. */
export function invalidCombination(name: string, got: readonly string[], signatures: readonly string[]): ArgumentError {
  const isNumber = (t: string): boolean => t === "int" || t === "float";
  // Without any tensor even a number in a number's place is marked.
  const fits = (given: string, wanted: string): boolean =>
    given === wanted || (wanted === "Number" && isNumber(given) && got.includes("Tensor"));
  const lines = signatures.map((s) => {
    const types = s.split(", ").map((p) => p.split(" ")[0]!);
    if (types.length !== got.length || types.includes("*")) return ` * (${s})\n`;
    const marked = got.map((g, i) => (fits(g, types[i]!) ? g : `!${g}!`));
    return ` * (${s})\n      didn't match because some of the arguments have invalid types: (${marked.join(", ")})\n`;
  });
  return new ArgumentError(
    `${pythonName(name)}() received an invalid combination of arguments - got (${got.join(", ")}), but expected one of:\n${lines.join("")}`,
  );
}
/** The overloads of creation functions that fill with a constant. */
const filledSignatures = [
  "tuple of ints size, *, tuple of names names, torch.dtype dtype, torch.layout layout, torch.device device, bool pin_memory, bool requires_grad",
  "tuple of SymInts size, *, Tensor out, torch.dtype dtype, torch.layout layout, torch.device device, bool pin_memory, bool requires_grad",
];
/** A creation function was given a dtype that is none. `sizes` are the types of the arguments before it. */
export const dtypeCombination = (name: string, sizes: readonly string[], dtype: string): ArgumentError =>
  invalidCombination(name, [...sizes, `dtype=${dtype}`], filledSignatures);
export const unsupportedOperand = (symbol: string, other: string): ArgumentError =>
  new ArgumentError(`unsupported operand type(s) for ${symbol}: 'Tensor' and '${other}'`);

// ---- format specifications, in Python's words

export const formatInvalid = (spec: string, type: string): ValueError =>
  new ValueError(`Invalid format specifier '${spec}' for object of type '${type}'`);
export const formatUnknownCode = (code: string, type: string): ValueError =>
  new ValueError(`Unknown format code '${code}' for object of type '${type}'`);
export const formatTooManyDigits = (): ValueError => new ValueError("Too many decimal digits in format string");
export const formatNoPrecision = (): ValueError => new ValueError("Format specifier missing precision");
export const formatPrecisionTooBig = (): ValueError => new ValueError("precision too big");
export const formatBothSeparators = (): ValueError => new ValueError("Cannot specify both ',' and '_'.");
export const formatSeparator = (separator: string, code: string): ValueError =>
  new ValueError(`Cannot specify '${separator}' with '${code}'.`);
export const formatIntPrecision = (): ValueError => new ValueError("Precision not allowed in integer format specifier");
export const formatIntNegativeZero = (): ValueError => new ValueError("Negative zero coercion (z) not allowed in integer format specifier");
export const formatCharacter = (what: "Sign" | "Alternate form (#)"): ValueError =>
  new ValueError(`${what} not allowed with integer format specifier 'c'`);
export const formatCharacterRange = (): ValueError => new ValueError("%c arg not in range(0x110000)", "OverflowError");
export const intTooLarge = (target: "float" | "C long"): ValueError =>
  new ValueError(target === "float" ? "int too large to convert to float" : "Python int too large to convert to C long", "OverflowError");

// ---- devices

export const differentDevices = (a: string, b: string): DeviceError =>
  new DeviceError(`Expected all tensors to be on the same device, but found at least two devices, ${a} and ${b}!`);
export const unknownDevice = (name: string, known: readonly string[]): DeviceError =>
  new DeviceError(`Expected one of ${known.join(", ")} device type at start of device string: ${name}`);
export const deviceNotStarted = (device: string): DeviceError =>
  new DeviceError(
    `device '${device}' has not been started: await torch.${device}.isAvailable(), or move a tensor with await x.to("${device}")`,
  );
export const noWebGpuPackage = (): DeviceError =>
  new DeviceError("device 'webgpu' cannot be started: in Node it needs the npm package webgpu, which is not installed: npm install webgpu");
export const webGpuPackageFailed = (message: string): DeviceError =>
  new DeviceError(`device 'webgpu' cannot be started: the npm package webgpu does not load on this system (${message})`);
export const noWebGpuInBrowser = (secure: boolean): DeviceError =>
  new DeviceError(
    "device 'webgpu' cannot be started: " +
      (secure
        ? "this browser has no WebGPU (navigator.gpu). Use one that has, such as a current Chrome, Edge, Safari or Firefox, and look whether it is switched off there"
        : "browsers have WebGPU (navigator.gpu) only on pages that come from https:// or from localhost"),
  );
/** `platform` is Node's `process.platform`, or "browser". */
export const noWebGpuAdapter = (platform: string): DeviceError =>
  new DeviceError(
    "device 'webgpu' cannot be started: no adapter was found. " +
      (platform === "linux"
        ? "Install the Vulkan loader and a driver: libvulkan1 with NVIDIA's driver or mesa-vulkan-drivers (whose lavapipe runs without a GPU). " +
          "If VK_ICD_FILENAMES is set, it has to name the .json file of a driver that is installed"
        : platform === "browser"
          ? "The browser has WebGPU but no GPU that it can use: update the GPU's driver, or switch on hardware acceleration in the browser's settings"
          : "Install or update the driver of the GPU"),
  );
export const deviceLost = (device: string, reason: string): DeviceError =>
  new DeviceError(
    `device '${device}' was lost (${reason}). Tensors on it are gone; those on other devices are as they were. ` +
      `Move them to '${device}' again to start it anew.`,
  );
export const deviceFailed = (device: string, message: string): DeviceError =>
  new DeviceError(`device '${device}' reported an error: ${message}`);
export const dtypeNotOnDevice = (device: string, dtype: { readonly name: string }): DeviceError =>
  new DeviceError(`device '${device}' has no torch.${dtype.name}${dtype.name === "float64" ? ": convert with .float() first" : ""}`);
export const int64Overflow = (device: string, value: bigint): DeviceError =>
  new DeviceError(`device '${device}' holds int64 in 32 bits, and ${value} does not fit`);
export const tooManyBindings = (device: string, needed: number, limit: number): DeviceError =>
  new DeviceError(
    `device '${device}' cannot run this kernel: it needs ${needed} storage buffers at once, and maxStorageBuffersPerShaderStage is ${limit}`,
  );
/** Raised at the next read, where overflow is watched for. */
export const sumOverflow = (device: string): DeviceError =>
  new DeviceError(`device '${device}' holds int64 in 32 bits, and the result of a reduction does not fit`);
/** The error of a kernel so long ago that nobody remembers what it was. */
export const forgottenFault = (device: string): IndexError =>
  new IndexError(`an index was out of range in a kernel on device '${device}', many kernels before this read`);
export const noSyncRead = (device: string, awaitable: string): DeviceError =>
  new DeviceError(`values on device '${device}' cannot be read synchronously: use \`await\` with ${awaitable}`);
/** `what` needs values that a device without synchronous reads cannot give; `twin` is what can be awaited instead, if anything. */
export const needsValues = (what: string, device: string, twin: string | null = null): DeviceError =>
  new DeviceError(
    `${what} depends on values, which device '${device}' does not give synchronously: ` +
      (twin === null ? "move the tensor first with `await x.cpu()`" : `use \`${twin}\`, or move the tensor first with \`await x.cpu()\``),
  );
export const needsClasses = (device: string): DeviceError =>
  new DeviceError(
    `the number of classes depends on values, which device '${device}' does not give synchronously: name it with \`numClasses\`, or move the ` +
      "tensor first with `await x.cpu()`",
  );
export const needsTransfer = (from: string, to: string): DeviceError =>
  new DeviceError(
    `values on device '${from}' cannot be copied to '${to}' synchronously: move them first with \`await x.to("${to}")\`` +
      (to === "cpu" ? " (or `await x.cpu()`)" : ""),
  );
export const backwardAcrossDevices = (from: string, to: string): DeviceError =>
  new DeviceError(
    `a gradient has to be copied from device '${from}' to '${to}', which cannot be done synchronously: use \`await loss.backwardAsync()\` ` +
      "(torch.autograd.backwardAsync, torch.autograd.gradAsync)",
  );

// ---- autograd

export const backwardTwice = (): GradError =>
  new GradError(
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). " +
      "Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you " +
      "need to backward through the graph a second time or if you need to access saved tensors after calling backward.",
  );
export const modifiedInplace = (type: string, shape: readonly number[], output: string, version: number, expected: number): GradError =>
  new GradError(
    "one of the variables needed for gradient computation has been modified by an inplace operation: " +
      `[${type} ${list(shape)}]${output} is at version ${version}; expected version ${expected} instead. ` +
      "Hint: enable anomaly detection to find the operation that failed to compute its gradient, with torch.autograd.set_detect_anomaly(True).",
  );
export const leafInplace = (): GradError => new GradError("a leaf Variable that requires grad is being used in an in-place operation.");
export const leafDirty = (): GradError => new GradError("a leaf Variable that requires grad has been used in an in-place operation.");
export const gradNoTensor = (got: string): GradError => new GradError(`expected Variable or None (got ${got})`);
export const leafViewInplace = (): GradError =>
  new GradError("a view of a leaf Variable that requires grad is being used in an in-place operation.");
export const notScalarOutput = (): GradError => new GradError("grad can be implicitly created only for scalar outputs");
export const noGradFn = (i: number): GradError =>
  new GradError(`element ${i} of tensors does not require grad and does not have a grad_fn`);
export const gradShape = (i: number, grad: readonly number[], output: readonly number[]): GradError =>
  new GradError(`Mismatch in shape: grad_output[${i}] has a shape of ${size(grad)} and output[${i}] has a shape of ${size(output)}.`);
export const inputNeedsGrad = (): GradError => new GradError("One of the differentiated Tensors does not require grad");
export const unusedInput = (): GradError =>
  new GradError(
    "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.",
  );
export const nonLeafFlag = (): GradError =>
  new GradError(
    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph that doesn't " +
      "require differentiation use var_no_grad = var.detach().",
  );
export const hookNeedsGrad = (): GradError => new GradError("cannot register a hook on a tensor that doesn't require gradient");
export const hookChanged = (name: string, what: "size" | "type"): GradError =>
  new GradError(`hook '${name}' has changed the ${what} of value`);
export const gradCount = (name: string, expected: number, got: number): GradError =>
  new GradError(`function ${name} returned an incorrect number of gradients (expected ${expected}, got ${got})`);
export const gradInvalidShape = (name: string, i: number, got: readonly number[], expected: readonly number[]): GradError =>
  new GradError(
    `Function ${name} returned an invalid gradient at index ${i} - got ${list(got)} but expected shape compatible with ${list(expected)}`,
  );
export const inferenceRequiresGrad = (): GradError =>
  new GradError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
export const inferenceInplace = (): GradError =>
  new GradError(
    "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor before doing inplace update." +
      "See https://github.com/pytorch/rfcs/pull/17 for more details.",
  );
export const inferenceSaved = (): GradError =>
  new GradError(
    "Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal tensor and use it in autograd.",
  );
/** `indirect`: not the view itself was written to. */
const writtenView = (indirect: boolean): string =>
  indirect ? "its base or another view of its base has been modified inplace" : "is being modified inplace";
export const multiViewInplace = (name: string, output: number, indirect: boolean = false): GradError =>
  new GradError(
    `Output ${output} of ${name} is a view and ${writtenView(indirect)}. This view is the output of a function that returns multiple views. ` +
      "Such functions do not allow the output views to be modified inplace. You should replace the inplace operation by an out-of-place one.",
  );
const modeView =
  (mode: string, block: string, outside: string) =>
  (indirect: boolean = false): GradError =>
    new GradError(
      `A view was created in ${mode} mode and ${writtenView(indirect)} ${outside}. Given that this use case is ambiguous and ` +
        `error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either both inside the ${block} ` +
        "block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be tracked).",
    );
export const noGradViewInplace: (indirect?: boolean) => GradError = modeView("no_grad", "no_grad", "with grad mode enabled");
export const inferenceViewInplace: (indirect?: boolean) => GradError = modeView("inference", "inference_mode", "in normal mode");
export const overlappingWrite = (): ShapeError =>
  new ShapeError(
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. " +
      "Please clone() the tensor before performing the operation.",
  );
export const assignedGradType = (got: string): ArgumentError =>
  new ArgumentError(`assigned grad expected to be a Tensor or None but got grad of type${got}`);

// ---- memory

/** `at`: the line of the user's code, where it is known. */
export const disposed = (at: string | null): DisposedError =>
  new DisposedError(
    `this tensor was disposed of: its memory was given back by dispose(), \`using\` or the end of a scope${at === null ? "" : `, at ${at}`}`,
  );

/** Bytes as PyTorch's messages write them. */
export function formatBytes(n: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let i = 0;
  let x = n;
  while (x >= 1024 && i < 3) {
    x /= 1024;
    i++;
  }
  return i === 0 ? `${n} bytes` : `${x.toFixed(2)} ${units[i]}`;
}

/**
 * In the form of PyTorch's CUDA message; the advice is what frees memory here. `capacity`: of the device, undefined where it does not tell;
 * `allowed`: the limit that was set, if any.
 */
export function outOfMemory(
  device: string,
  tried: number,
  capacity: number | undefined,
  allocated: number,
  reserved: number,
  allowed: number = Number.POSITIVE_INFINITY,
): OutOfMemoryError {
  const total = Math.min(capacity ?? allowed, allowed);
  const figures = [
    device,
    ...(capacity === undefined ? [] : [`${formatBytes(capacity)} total capacity`]),
    `${formatBytes(allocated)} already allocated`,
    ...(Number.isFinite(total) ? [`${formatBytes(Math.max(total - reserved, 0))} free`] : []),
    ...(Number.isFinite(allowed) ? [`${formatBytes(allowed)} allowed`] : []),
    `${formatBytes(reserved)} reserved in total by Torchlet`,
  ];
  return new OutOfMemoryError(
    `${device} out of memory. Tried to allocate ${formatBytes(tried)} (${figures.join("; ")}). Tensors that a synchronous loop drops are only ` +
      "found when the collector runs: await a read in the loop, or wrap its body in scope(() => { ... }).",
  );
}

export const freedTwice = (device: string, address: number, size: number): TorchletError =>
  new TorchletError(`INTERNAL ASSERT FAILED: the block of ${size} bytes at ${address} in the memory of ${device} is freed twice`);

export const fractionType = (): ArgumentError => new ArgumentError("Invalid type for fraction argument, must be `float`");
export const fractionRange = (fraction: number): ValueError =>
  new ValueError(`Invalid fraction value: ${reprFloat(fraction)}. Allowed range: 0~1`);
export const limitRange = (bytes: unknown): ValueError =>
  new ValueError(`setMemoryLimit(): expected a number of bytes that is not negative, or null for no limit, but got ${String(bytes)}`);
export const capacityUnknown = (name: string, device: string): DeviceError =>
  new DeviceError(
    `${name}(): the device '${device}' does not tell how much memory it has. A limit in bytes can be set with ` +
      `torch.memory.setMemoryLimit(bytes, "${device}")`,
  );
export const historyEntries = (maxEntries: unknown): ValueError =>
  new ValueError(`recordHistory(): maxEntries has to be a positive whole number, but is ${String(maxEntries)}`);
export const cannotPickle = (type: string): ArgumentError => new ArgumentError(`cannot pickle '${type}' object`);

// ---- ndarrays and copies

export const numpyNeedsGrad = (): GradError =>
  new GradError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.");
export const numpyDevice = (device: string): DeviceError =>
  new DeviceError(
    `can't convert ${device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.`,
    "TypeError",
  );
export const numpyScalarType = (scalarName: string): DTypeError => new DTypeError(`Got unsupported ScalarType ${scalarName}`, "TypeError");
export const numpyNoFloat16 = (scalarName: string): DTypeError =>
  new DTypeError(
    `Got unsupported ScalarType ${scalarName}: this JavaScript engine has no Float16Array. Use tensor.float() first`,
    "TypeError",
  );
export const memoryNotShared = (device: string): DeviceError =>
  new DeviceError(
    `the memory of device '${device}' moves when it grows, because this JavaScript engine has no shared WebAssembly memory: no typed array can ` +
      "share it. Use `await x.toTypedArray()` for a copy of a tensor",
  );
export const negativeStrides = (): ValueError =>
  new ValueError(
    "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently supported. " +
      "(You can probably work around this by making a copy of your array  with array.copy().) ",
  );
export const stridesLength = (): ShapeError => new ShapeError("mismatch in length of strides and shape");
export const storageBounds = (
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  itemsize: number,
  required: number,
  nbytes: number,
): ShapeError =>
  new ShapeError(
    `setStorage: sizes ${list(shape)}, strides ${list(strides)}, storage offset ${offset}, and itemsize ${itemsize} requiring a storage size of ` +
      `${required} are out of bounds for storage of size ${nbytes}`,
  );
export const aliasArbitrary = (): ValueError => new ValueError("can't alias arbitrary sequence into a tensor.");
export const aliasDtype = (from: string, to: string): ValueError =>
  new ValueError(`can't alias tensor with dtype '${from}' into dtype '${to}'.`);
export const aliasDevice = (from: string, to: string): ValueError => new ValueError(`can't alias tensor from device '${from}' to '${to}'.`);
export const deepcopyNonLeaf = (): GradError =>
  new GradError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment");
export const notCopyable = (type: string): ArgumentError => new ArgumentError(`cannot pickle '${type}' object`);

// ---- random numbers

/** A number as C++ streams write it, which PyTorch's messages show: six significant digits. */
export function streamed(x: number): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x < 0 ? "-inf" : "inf";
  const [digits = "", exponent] = x.toExponential(5).split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(Number(x.toPrecision(6)));
  return `${Number(digits)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

const badValue = (message: string): ValueError => new ValueError(message, "RuntimeError");

export const seedNotWhole = (): ValueError => badValue("manual_seed expected a long, but got float");
export const seedOutOfRange = (): ValueError => badValue("Overflow when unpacking long");
export const generatorStateSize = (bytes: number): ValueError =>
  badValue(
    "Expected either a CPUGeneratorImplStateLegacy of size 5048 or a CPUGeneratorImplState of size 5056 but found the input RNG state " +
      `size to be ${bytes}`,
  );
export const invalidGeneratorState = (): ValueError => badValue("Invalid mt19937 state");
export const philoxStateSize = (): ValueError => badValue("RNG state is wrong size");
export const philoxStateOffset = (): ValueError => badValue("offset must be a multiple of 4");
export const generatorOfDevice = (expected: string, found: string): DeviceError =>
  new DeviceError(`Expected a '${expected}' device type for generator but found '${found}'`);

export const randomBounds = (name: "from" | "to" | "to - 1", typeName: string): ValueError =>
  badValue(`${name} is out of bounds for ${typeName}`);
export const uniformOrder = (from: number, to: number): ValueError =>
  badValue(`uniform_ expects to return a [from, to) range, but found from=${streamed(from)} > to=${streamed(to)}`);
export const uniformRange = (scalarName: string, from: number, to: number): ValueError =>
  badValue(
    `uniform_ expects to-from <= std::numeric_limits<${scalarName}>::max(), but found to=${streamed(to)} and from=${streamed(from)} ` +
      "which result in to-from to exceed the limit",
  );
export const normalStd = (std: number): ValueError => badValue(`normal expects std >= 0.0, but found std ${streamed(std)}`);
export const randomEmpty = (from: bigint, to: bigint): ValueError =>
  badValue(`random_ expects 'from' to be less than 'to', but got from=${from} >= to=${to}`);
export const randomEmptyCast = (from: bigint, to: bigint): ValueError =>
  badValue(`random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from=${from} >= to=${to}`);
export const randomEmptyInclusive = (from: bigint, last: bigint): ValueError =>
  badValue(
    `random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, but got from=${from} > to_inc=${last}`,
  );
export const randomFullRange = (): ValueError =>
  badValue("random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16");
export const bernoulliProbability = (p: number): ValueError => badValue(`bernoulli_ expects p to be in [0, 1], but got p=${streamed(p)}`);
export const bernoulliElement = (): ValueError =>
  badValue(
    "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  " +
      "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)",
  );
export const exponentialRate = (lambda: number): ValueError =>
  badValue(`exponential_ expects lambda >= 0.0, but found lambda=${streamed(lambda)}`);
export const geometricProbability = (p: number): ValueError => badValue(`geometric_ expects p to be in (0, 1), but got p=${streamed(p)}`);
export const logNormalStd = (std: number): ValueError => badValue(`log_normal_ expects std > 0.0, but found std=${streamed(std)}`);
export const poissonRate = (): ValueError => badValue("invalid Poisson rate, expected rate to be non-negative");
export const multinomialNoSamples = (): ValueError => badValue("cannot sample n_sample <= 0 samples");
export const multinomialTooFew = (): ValueError => badValue("cannot sample n_sample > prob_dist.size(-1) samples without replacement");
export const multinomialTooMany = (): ValueError => badValue("number of categories cannot exceed 2^24");
export const multinomialInvalid = (): ValueError => badValue("probability tensor contains either `inf`, `nan` or element < 0");
export const multinomialSum = (): ValueError => badValue("invalid multinomial distribution (sum of probabilities <= 0)");
export const multinomialEntryNegative = (): ValueError => badValue("invalid multinomial distribution (encountering probability entry < 0)");
export const multinomialEntryInfinite = (): ValueError =>
  badValue("invalid multinomial distribution (encountering probability entry = infinity or NaN)");

// ---- optimizers

export const missingOption = (name: string): ValueError =>
  new ValueError(`parameter group didn't specify a value of required optimization parameter ${name}`);
export const noParameters = (): ValueError => new ValueError("optimizer got an empty parameter list");
export const parametersNotIterable = (got: string): ArgumentError =>
  new ArgumentError(`params argument given to the optimizer should be an iterable of Tensors or dicts, but got ${got}`);
export const notIterable = (got: string): ArgumentError => new ArgumentError(`'${got}' object is not iterable`);
export const parameterType = (got: string): ArgumentError =>
  new ArgumentError(`optimizer can only optimize Tensors, but one of the params is ${got}`);
export const nonLeafParameter = (): ValueError => new ValueError("can't optimize a non-leaf Tensor");
export const groupNotDict = (): TorchletError => new TorchletError("param group must be a dict", "AssertionError");
export const repeatedParameter = (): ValueError => new ValueError("some parameters appear in more than one parameter group");
export const groupCount = (): ValueError => new ValueError("loaded state dict has a different number of parameter groups");
export const groupSize = (): ValueError =>
  new ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group");
/** `what` is PyTorch's word for the option: `learning rate`, `epsilon value`. */
export const invalidOption = (what: string, value: string): ValueError => new ValueError(`Invalid ${what}: ${value}`);
export const nesterovMomentum = (): ValueError => new ValueError("Nesterov momentum requires a momentum and zero dampening");
export const missingClosure = (name: string): ArgumentError =>
  new ArgumentError(`${name}.step() missing 1 required positional argument: 'closure'`);

// ---- data

export const datasetSizes = (): TorchletError => new TorchletError("Size mismatch between tensors", "AssertionError");
export const splitLengths = (): ValueError => new ValueError("Sum of input lengths does not equal the length of the input dataset!");
export const splitFraction = (i: number): ValueError => new ValueError(`Fraction at index ${i} is not between 0 and 1`);
export const noDatasets = (): TorchletError => new TorchletError("datasets should not be an empty iterable", "AssertionError");
export const datasetIndex = (): ValueError => new ValueError("absolute value of index should not exceed dataset length");
export const positiveInteger = (name: string, value: string): ValueError =>
  new ValueError(`${name} should be a positive integer value, but got ${name}=${value}`);
export const weightsShape = (shape: string): ValueError =>
  new ValueError(`weights should be a 1d sequence but given weights have shape ${shape}`);
export const collateType = (found: string): ArgumentError =>
  new ArgumentError(`default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found ${found}`);
export const collateSizes = (): ShapeError => new ShapeError("each element in list of batch should be of equal size");
export const exclusiveOption = (option: string, others: string): ValueError =>
  new ValueError(`${option} option is mutually exclusive with ${others}`);
export const batchingOff = (): ValueError =>
  new ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last");
export const iterableOption = (option: string, value: string): ValueError =>
  new ValueError(`DataLoader with IterableDataset: expected unspecified ${option} option, but got ${option}=${value}`);
export const noLength = (type: string): ArgumentError => new ArgumentError(`object of type '${type}' has no len()`);

// ---- modules

const attributeError = (message: string): TorchletError => new TorchletError(message, "AttributeError");

export const missingPositional = (name: string, names: readonly string[]): ArgumentError => {
  const quoted = names.map((n) => `'${n}'`);
  const all = quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")}${quoted.length > 2 ? "," : ""} and ${quoted.at(-1)}`;
  return new ArgumentError(`${name}() missing ${names.length} required positional argument${names.length === 1 ? "" : "s"}: ${all}`);
};
export const forwardMissing = (module: string): UnsupportedError =>
  new UnsupportedError(`Module [${module}] is missing the required "forward" function`);
export const notModule = (got: string): ArgumentError => new ArgumentError(`${got} is not a Module subclass`);
/** `kind`: `parameter`, `buffer` or `module`. */
export const registeredNameType = (kind: string, got: string): ArgumentError =>
  new ArgumentError(`${kind} name should be a string. Got ${got}`);
export const registeredNameDot = (kind: string, name: string): KeyError =>
  new KeyError(`${kind} name can't contain "."${kind === "module" ? `, got: ${name}` : ""}`);
export const registeredNameEmpty = (kind: string): KeyError => new KeyError(`${kind} name can't be empty string ""`);
export const attributeExists = (name: string): KeyError => new KeyError(`attribute '${name}' already exists`);
export const parameterAssigned = (got: string, name: string): ArgumentError =>
  new ArgumentError(`cannot assign '${got}' object to parameter '${name}' (torch.nn.Parameter or None required)`);
export const bufferAssigned = (got: string, name: string): ArgumentError =>
  new ArgumentError(`cannot assign '${got}' object to buffer '${name}' (torch Tensor or None required)`);
export const nonLeafParameterAssigned = (name: string): ValueError =>
  new ValueError(
    `Cannot assign non-leaf Tensor to parameter '${name}'. Model parameters must be created explicitly. To express '${name}' as a function of ` +
      "another Tensor, compute the value in the forward() method.",
  );
export const noModuleAttribute = (module: string, name: string): TorchletError => attributeError(`${module} has no attribute \`${name}\``);
/** `what`: `an nn.Module`, `an nn.Parameter`, `a buffer`. */
export const attributeIsNot = (name: string, what: string): TorchletError => attributeError(`\`${name}\` is not ${what}`);
export const trainingMode = (): ValueError => new ValueError("training mode is expected to be boolean");
export const moduleDtype = (dtype: string): ArgumentError =>
  new ArgumentError(`nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=${dtype}`);
export const stateNotDict = (got: string): ArgumentError => new ArgumentError(`Expected state_dict to be dict-like, got <class '${got}'>.`);
export const stateMismatch = (module: string, messages: readonly string[]): TorchletError =>
  new TorchletError(`Error(s) in loading state_dict for ${module}:\n\t${messages.join("\n\t")}`);
export const stateMissing = (keys: readonly string[]): string => `Missing key(s) in state_dict: ${keys.map((k) => `"${k}"`).join(", ")}. `;
export const stateUnexpected = (keys: readonly string[]): string =>
  `Unexpected key(s) in state_dict: ${keys.map((k) => `"${k}"`).join(", ")}. `;
export const stateShape = (key: string, got: readonly number[], expected: readonly number[]): string =>
  `size mismatch for ${key}: copying a param with shape ${size(got)} from checkpoint, the shape in current model is ${size(expected)}.`;
export const stateNotTensor = (key: string, got: string): string =>
  `While copying the parameter named "${key}", expected torch.Tensor or Tensor-like object from checkpoint but received <class '${got}'>`;
export const stateUncopied = (key: string, model: readonly number[], checkpoint: readonly number[], reason: string): string =>
  `While copying the parameter named "${key}", whose dimensions in the model are ${size(model)} and whose dimensions in the checkpoint are ` +
  `${size(checkpoint)}, an exception occurred : ('${reason}',).`;
export const backwardHookCount = (got: number, expected: number): GradError =>
  new GradError(`Backward hook returned an invalid number of grad_input, got ${got}, but expected ${expected}`);
export const backwardHookNoInputs = (): GradError =>
  new GradError("Backward hook for Modules where no input requires gradient should always return None or None for all gradients.");
export const containerIndex = (index: number): IndexError => new IndexError(`index ${index} is out of range`);

// ---- layers

const labelled = (labels: readonly string[], values: readonly number[]): string =>
  values.map((n, i) => `${labels.at(i - values.length)}: ${n}`).join(" ");
export const poolSizes = (nd: number, name: string, demand: string, words: string, got: number): ShapeError =>
  new ShapeError(
    nd === 1
      ? `max_pool1d() argument '${name}' should contain one int (got ${got})`
      : `max_pool${nd}d: ${name} ${demand}, or a tuple of ${words}`,
  );
export const poolStrideZero = (): ShapeError => new ShapeError("stride should not be zero");
export const poolPadding = (pad: number): ShapeError => new ShapeError(`pad must be non-negative, but got pad: ${pad}`);
export const poolPaddingLarge = (pad: number, kernel: number): ShapeError =>
  new ShapeError(`pad should be at most half of kernel size, but got pad=${pad} and kernel_size=${kernel}`);
export const poolKernel = (kernel: readonly number[]): ShapeError =>
  new ShapeError(`kernel size should be greater than zero, but got ${labelled(["kT", "kH", "kW"], kernel)}`);
export const poolStride = (stride: readonly number[]): ShapeError =>
  new ShapeError(`stride should be greater than zero, but got ${labelled(["dT", "dH", "dW"], stride)}`);
export const poolDilation = (dilation: readonly number[]): ShapeError =>
  new ShapeError(`dilation should be greater than zero, but got ${labelled(["dilationT", "dilationH", "dilationW"], dilation)}`);
export const poolRank = (nd: number): ShapeError =>
  new ShapeError(`non-empty ${nd + 1}D or ${nd + 2}D (batch mode) tensor expected for input`);
export const poolDimensions = (nd: number, input: readonly number[]): ShapeError =>
  new ShapeError(
    nd === 3
      ? "max_pool3d_with_indices_out_cpu_template(): Expected input's non-batch dimensions to have positive length, but input has a shape of " +
          `${list(input)} and non-batch dimension 0 has length zero!`
      : `${nd === 1 ? "max_pool1d: " : ""}Expected ${nd + 1}D or ${nd + 2}D (batch mode) tensor with optional 0 dim batch size for input, but got:${list(input)}`,
  );
export const poolOutput = (input: readonly number[], output: readonly number[]): ShapeError =>
  new ShapeError(`Given input size: (${input.join("x")}). Calculated output size: (${output.join("x")}). Output size is too small`);
/** `nd` spatial dimensions. */
export const convRank = (nd: number, input: readonly number[]): ShapeError =>
  new ShapeError(`Expected ${nd + 1}D (unbatched) or ${nd + 2}D (batched) input to conv${nd}d, but got input of size: ${list(input)}`);
export const convSizes = (name: string, nd: number, got: readonly number[]): ShapeError =>
  new ShapeError(
    `expected ${name} to be a single integer value or a list of ${nd} values to match the convolution dimensions, but got ${name}=${list(got)}`,
  );
export const convBiasType = (input: string, bias: string): DTypeError =>
  new DTypeError(`Input type (${input}) and bias type (${bias}) should be the same`);
export const convDilation = (dilation: readonly number[]): ShapeError =>
  new ShapeError(`dilation should be greater than zero, but got ${list(dilation)}`);
export const convNot = (what: "non-positive stride" | "negative padding" | "non-positive groups"): ShapeError =>
  new ShapeError(`${what} is not supported`);
export const convPadding = (padding: string): ShapeError => new ShapeError(`Invalid padding string: '${padding}'`);
export const convSame = (): ShapeError => new ShapeError("padding='same' is not supported for strided convolutions");
export const convChannels = (groups: number, weight: readonly number[], input: readonly number[], expected: number): ShapeError =>
  new ShapeError(
    `Given groups=${groups}, weight of size ${list(weight)}, expected input${list(input)} to have ${expected} channels, but got ${input[1]} channels instead`,
  );
export const convGroups = (groups: number, weight: readonly number[]): ShapeError =>
  new ShapeError(
    weight[0]! < groups
      ? `Given groups=${groups}, expected weight to be at least ${groups} at dimension 0, but got weight of size ${list(weight)} instead`
      : `Given groups=${groups}, expected weight to be divisible by ${groups} at dimension 0, but got weight of size [${list(weight)}] instead`,
  );
export const convBias = (weight: readonly number[], bias: readonly number[]): ShapeError =>
  new ShapeError(
    `Given weight of size ${list(weight)}, expected bias to be 1-dimensional with ${weight[0]} elements, but got bias of size ${list(bias)} instead`,
  );
export const convKernel = (input: readonly number[], kernel: readonly number[]): ShapeError =>
  new ShapeError(
    `Calculated padded input size per channel: (${input.join(" x ")}). Kernel size: (${kernel.join(" x ")}). Kernel size can't be greater than actual input size`,
  );

export const dropoutProbability = (p: number): ValueError => new ValueError(`dropout probability has to be between 0 and 1, but got ${p}`);
export const dropout1dRank = (ndim: number): ShapeError =>
  new ShapeError(
    `dropout1d: Expected 2D or 3D input, but received a ${ndim}D input. Note that dropout1d exists to provide channel-wise dropout on inputs ` +
      "with 1 spatial dimension, a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs).",
  );
export const featureDropoutRank = (): ShapeError => new ShapeError("Feature dropout requires at least 2 dimensions in the input");
export const normRank = (expected: string, got: number): ValueError => new ValueError(`expected ${expected} input (got ${got}D input)`);
export const groupsPositive = (): ValueError => new ValueError("groups must be a positive integer");
export const channelsByGroups = (which: "in" | "out"): ValueError => new ValueError(`${which}_channels must be divisible by groups`);
export const paddingString = (padding: string): ValueError =>
  new ValueError(`Invalid padding string '${padding}', should be one of {'same', 'valid'}`);
export const paddingStrided = (): ValueError => new ValueError("padding='same' is not supported for strided convolutions");
export const paddingModeUnknown = (mode: string): ValueError =>
  new ValueError(`padding_mode must be one of {'zeros', 'reflect', 'replicate', 'circular'}, but got padding_mode='${mode}'`);
export const lossSizes = (target: readonly number[], input: readonly number[]): string =>
  `Using a target size (${size(target)}) that is different to the input size (${size(input)}). This will likely lead to incorrect results ` +
  "due to broadcasting. Please ensure they have the same size.";
export const logitsSizes = (target: readonly number[], input: readonly number[]): ValueError =>
  new ValueError(`Target size (${size(target)}) must be the same as input size (${size(input)})`);
export const reductionUnknown = (reduction: string): ValueError => new ValueError(`${reduction} is not a valid value for reduction`);
export const classOutOfBounds = (value: number | bigint): IndexError => new IndexError(`Target ${value} is out of bounds.`);
export const nllRank = (ndim: number): ValueError => new ValueError(`Expected 1 or more dimensions (got ${ndim})`);
export const nllBatch = (input: number, target: number): ValueError =>
  new ValueError(`Expected input batch_size (${input}) to match target batch_size (${target}).`);
export const nllVector = (input: readonly number[], target: readonly number[]): ShapeError =>
  new ShapeError(`size mismatch (got input: ${list(input)}, target: ${list(target)})`);
export const nllImages = (input: readonly number[], target: readonly number[]): ShapeError =>
  target.length === 3
    ? new ShapeError(`size mismatch (got input: ${list(input)} , target: ${list(target)}`)
    : new ShapeError(`only batches of spatial targets supported (3D tensors) but got targets of dimension: ${target.length}`);
export const nllMultiTarget = (): ShapeError => new ShapeError("0D or 1D target tensor expected, multi-target not supported");
export const nllTargetSize = (expected: readonly number[], got: readonly number[]): ShapeError =>
  new ShapeError(`Expected target size ${list(expected)}, got ${list(got)}`);
/** `classes`: null where the sentence names no number. */
export const classWeights = (classes: number | null, weight: readonly number[], prefix: string = ""): ShapeError =>
  new ShapeError(
    classes === null
      ? "weight tensor should be defined either for all or no classes"
      : `${prefix}weight tensor should be defined either for all ${classes} classes or no classes but got weight tensor of shape: ${list(weight)}`,
  );
export const smoothingRange = (value: number): ShapeError => new ShapeError(`label_smoothing must be between 0.0 and 1.0. Got: ${value}`);
export const probabilityDtype = (got: string): DTypeError =>
  new DTypeError(`Expected floating point type for target with class probabilities, got ${got}`);
export const probabilityIgnore = (): TorchletError => new TorchletError("ignore_index is not supported for floating point target");
export const normBatch = (input: readonly number[]): ValueError =>
  new ValueError(`Expected more than 1 value per channel when training, got input size ${size(input)}`);
export const normStatistics = (name: string): ShapeError => new ShapeError(`${name} must be defined in evaluation mode`);
export const normSize = (name: string, channels: number, got: number): ShapeError =>
  new ShapeError(`${name} should contain ${channels} elements not ${got}`);
export const layerNormShape = (shape: readonly number[]): ShapeError =>
  new ShapeError(
    `Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = ${list(shape)}`,
  );
export const layerNormParameter = (name: string, got: readonly number[], shape: readonly number[]): ShapeError =>
  new ShapeError(
    `Expected ${name} to be of same shape as normalized_shape, but got ${name} of shape ${list(got)} and normalized_shape = ${list(shape)}`,
  );
export const layerNormSize = (shape: readonly number[], got: readonly number[]): ShapeError =>
  new ShapeError(
    `Given normalized_shape=${list(shape)}, expected input with shape [*, ${shape.join(", ")}], but got input of size${list(got)}`,
  );
export const geluApproximate = (): UnsupportedError =>
  new UnsupportedError("approximate argument must be either none or tanh.", "RuntimeError");
export const attentionRank = (query: number, key: number, value: number): ShapeError =>
  new ShapeError(
    `Expected query, key, value to all be  at least 2 dimensional, but got query.dim: ${query}, key.dim: ${key} and value.dim: ${value} instead.`,
  );
export const attentionDtype = (query: string, key: string, value: string): DTypeError =>
  new DTypeError(
    `Expected query, key, and value to have the same dtype, but got query.dtype: ${query} key.dtype: ${key} and value.dtype: ${value} instead.`,
  );
export const attentionMaskDtype = (mask: string, query: string): DTypeError =>
  new DTypeError(
    `Expected attn_mask dtype to be bool or to match query dtype, but got attn_mask.dtype: ${mask} and  query.dtype: ${query} instead.`,
  );
export const attentionCausalMask = (): UnsupportedError =>
  new UnsupportedError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True", "RuntimeError");
export const embeddingIndex = (): IndexError => new IndexError("index out of range in self");
export const poolIndex = (): ShapeError => new ShapeError("Found an invalid max index");
export const paddingTooLong = (): ShapeError => new ShapeError("Padding length too large");
export const paddingValue = (mode: string): ShapeError => new ShapeError(`Padding mode "${mode}" doesn't take in value argument`);
export const paddingMode = (mode: string): UnsupportedError => new UnsupportedError(`Unrecognised padding mode ${mode}`);
export const paddingOdd = (): ShapeError => new ShapeError("Padding length must be divisible by 2");
export const paddingLength = (length: number, ndim: number): ShapeError =>
  new ShapeError(
    `Padding length should be less than or equal to two times the input dimension but got padding length ${length} and input of dimension ${ndim}`,
  );
export const paddingRank = (): UnsupportedError =>
  new UnsupportedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now");
export const paddingReflect = (before: number, after: number, dim: number, input: readonly number[]): ShapeError =>
  new ShapeError(
    `Argument #4: Padding size should be less than the corresponding input dimension, but got: padding (${before}, ${after}) at dimension ` +
      `${dim} of input ${input.length === 4 ? 4 : list(input)}`,
  );
export const paddingWraps = (): ShapeError => new ShapeError("Padding value causes wrapping around more than once.");
export const paddingEmpty = (): ShapeError => new ShapeError("Negative padding value is resulting in an empty dimension");
export const embeddingIndexType = (got: string): DTypeError =>
  new DTypeError(
    "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got " +
      `torch.${got}Tensor instead (while checking arguments for embedding)`,
  );
export const embeddingRank = (): ShapeError => new ShapeError("'weight' must be 2-D");
export const sparseGradients = (name: string): UnsupportedError => new UnsupportedError(`${name}(): sparse gradients are not available`);
export const oneHotDtype = (): DTypeError => new DTypeError("one_hot is only applicable to index tensor.");
export const oneHotEmpty = (): ShapeError => new ShapeError("Can not infer total number of classes from empty tensor.");
export const oneHotNegative = (): TorchletError => new TorchletError("Class values must be non-negative.");
export const oneHotClasses = (): TorchletError => new TorchletError("num_classes should be positive");
export const oneHotLarge = (): TorchletError => new TorchletError("Class values must be smaller than num_classes.");
export const paddingIndex = (): TorchletError => new TorchletError("Padding_idx must be within num_embeddings", "AssertionError");
export const fanRank = (): ValueError => new ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
export const fanMode = (mode: string): ValueError => new ValueError(`Mode ${mode} not supported, please use one of ['fan_in', 'fan_out']`);
export const gainSlope = (param: unknown): ValueError => new ValueError(`negative_slope ${param} not a valid number`);
export const gainNonlinearity = (name: string): ValueError => new ValueError(`Unsupported nonlinearity ${name}`);
/** `ranks`: `2`, `3, 4, or 5`, `2 or more`. */
export const initRank = (ranks: string): ValueError => new ValueError(`Only tensors with ${ranks} dimensions are supported`);
export const diracGroups = (): ValueError => new ValueError("dim 0 must be divisible by groups");
export const notTensor = (got: string): ArgumentError => new ArgumentError(`expected torch.Tensor, but got: ${got}`);
export const normNotFinite = (normType: string): TorchletError =>
  new TorchletError(
    `The total norm of order ${normType} for gradients from \`parameters\` is non-finite, so it cannot be clipped. To disable this error and ` +
      "scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`",
  );

// ---- kernels of the user's own

export const kernelName = (): ArgumentError => new ArgumentError("torch.kernel(): the first argument has to be the kernel's name");
export const kernelArguments = (name: string): ArgumentError =>
  new ArgumentError(
    `torch.kernel("${name}"): expected a formula, or { map, reduce, finish } where reduce is "sum", "prod", "max", "min" or { init, combine }`,
  );
export const kernelOperands = (name: string, got: number, most: number): ArgumentError =>
  new ArgumentError(`torch.kernel("${name}"): the formula has to name its operands, from 1 to ${most}, but it has ${got}`);
export const kernelOperator = (): ArgumentError =>
  new ArgumentError("operators and Math do not work on the values of a kernel's formula: write x.mul(y), x.exp()");
export const kernelTensor = (name: string): ArgumentError =>
  new ArgumentError(`${name}: a tensor cannot stand in a kernel's formula: make it an operand of the kernel`);
export const kernelGradient = (name: string): GradError =>
  new GradError(
    `derivative for ${name} is not implemented: a kernel that reduces by a combine of its own has none; call it within torch.noGrad`,
  );
export const combineDtype = (name: string): DTypeError =>
  new DTypeError(`torch.kernel("${name}"): combine has to give the type of its operands`);

// ---- profiling

export const profilerRunning = (): TorchletError => new TorchletError("Profiler is already enabled on this thread.");
export const profileTimes = (stopped: boolean): TorchletError =>
  new TorchletError(
    stopped ? "the times of the device are still to come: await prof.stop()" : "the profile is still being made: await prof.stop()",
    "AssertionError",
  );
export const sortKey = (got: string, keys: readonly string[]): ValueError =>
  new ValueError(`table(): cannot sort by '${got}', only by ${keys.join(", ")}`);
export const noTinybench = (reason: string): UnsupportedError =>
  new UnsupportedError(`torch.utils.benchmark needs the package tinybench, which could not be loaded: npm install tinybench (${reason})`);
export const statementKind = (name: "stmt" | "setup"): ValueError =>
  new ValueError(`Timer(): ${name} has to be a function: new Timer({ ${name}: () => x.add(y) })`);
export const notMeasurement = (got: string): ValueError => new ValueError(`Expected an instance of \`Measurement\`, got ${got} instead.`);

// ---- files

/** `reason` completes "NAME ...": `is shorter than its header says`. */
export const badFile = (name: string, reason: string): FileError => new FileError(`${name} ${reason}`);

// ---- threads

const typeName = (x: unknown): string =>
  x === null || x === undefined ? "NoneType" : ({ number: "float", string: "str", boolean: "bool" }[typeof x as string] ?? typeof x);
export const threadsNotInteger = (n: unknown): TorchletError => new TorchletError(`set_num_threads expects an int, but got ${typeName(n)}`);
export const threadsNotPositive = (): TorchletError => new TorchletError("set_num_threads expects a positive integer");
