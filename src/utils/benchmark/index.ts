/** `torch.utils.benchmark`. */
export { Compare } from "./compare.ts";
export { Measurement, type TaskSpec } from "./measurement.ts";
export { type AdaptiveAutorangeOptions, type BlockedAutorangeOptions, type Globals, Timer, type TimerOptions } from "./timer.ts";
