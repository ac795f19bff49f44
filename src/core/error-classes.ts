/** The base of all errors that Torchlet raises. */
export class TorchletError extends Error {
  readonly pythonType: string;
  constructor(message: string, pythonType: string = "RuntimeError") {
    super(message);
    this.name = new.target.name;
    this.pythonType = pythonType;
  }
}
/** Shapes or dimensions do not fit. */
export class ShapeError extends TorchletError {}
/** An operation does not take this dtype, or cannot convert to it. */
export class DTypeError extends TorchletError {}
/** A dimension or an index is out of range. */
export class IndexError extends TorchletError {
  constructor(message: string, pythonType: string = "IndexError") {
    super(message, pythonType);
  }
}
/** A device is missing, differs, or cannot do this. */
export class DeviceError extends TorchletError {}
/** Autograd was asked for what it cannot give. */
export class GradError extends TorchletError {}
/** A tensor was used after `dispose()` or the end of its scope. */
export class DisposedError extends TorchletError {}
/** The device has no memory left for an allocation. */
export class OutOfMemoryError extends TorchletError {}
/** A value is not one of those allowed. */
export class ValueError extends TorchletError {
  constructor(message: string, pythonType: string = "ValueError") {
    super(message, pythonType);
  }
}
/** An argument is of the wrong type. `unexpectedKeyword` names an option that the function does not have. */
export class ArgumentError extends TorchletError {
  readonly unexpectedKeyword: string | undefined;
  constructor(message: string, unexpectedKeyword?: string) {
    super(message, "TypeError");
    this.unexpectedKeyword = unexpectedKeyword;
  }
}
/** A name is not there: a parameter, a state-dict key. */
export class KeyError extends TorchletError {
  constructor(message: string, pythonType: string = "KeyError") {
    super(message, pythonType);
  }
}
/** A module's `forward` is missing, or an operation does not exist for these operands. */
export class UnsupportedError extends TorchletError {
  constructor(message: string, pythonType: string = "NotImplementedError") {
    super(message, pythonType);
  }
}
/** A file is broken, truncated or of another kind. */
export class FileError extends TorchletError {}
