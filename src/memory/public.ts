export { collect, getHighWaterMark, setHighWaterMark } from "./pressure.ts";
