import { noTinybench } from "../../core/errors.ts";

/** The part of the package `tinybench` that is used here. */
export interface Tinybench {
  readonly Bench: new (options: {
    readonly iterations: number;
    readonly time: number;
    readonly warmup: boolean;
    readonly throws: boolean;
  }) => Bench;
}
export interface Bench {
  /** Milliseconds. */
  now(): number;
  add(name: string, f: () => Promise<Sample>, options: { readonly async: boolean }): unknown;
  run(): Promise<unknown>;
}
/** What a task says of its iteration, in milliseconds. */
export interface Sample {
  readonly overriddenDuration: number;
  readonly overriddenIterationCost: number;
}

const PACKAGE = "tinybench";
/** A specifier that is only known at run time, so that no bundler looks for the package or takes it into a page. */
const load = (specifier: string): Promise<unknown> => import(/* @vite-ignore */ /* webpackIgnore: true */ specifier);

/** The package that measures, imported at the first call. @throws UnsupportedError that says what to install. */
export async function tinybench(): Promise<Tinybench> {
  try {
    return (await load(PACKAGE)) as Tinybench;
  } catch (error) {
    throw Object.assign(noTinybench(error instanceof Error ? error.message : String(error)), { cause: error });
  }
}
