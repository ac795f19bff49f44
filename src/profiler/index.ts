/** `torch.profiler`. */
export { EventList, FunctionEventAvg, type GroupOptions } from "./averages.ts";
export { FunctionEvent, type Interval, type KernelTime } from "./events.ts";
export { Profile, profile, type RecordGuard, recordFunction } from "./profile.ts";
export type { ProfileOptions } from "./recording.ts";
export type { SortKey, TableOptions } from "./table.ts";
