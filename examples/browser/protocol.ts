/** What the page and the worker that trains say to each other. */

export const DEVICES = ["cpu", "webgpu"] as const;
export type DeviceName = (typeof DEVICES)[number];

/** From the page to the worker. Obeyed in their order, between two pieces of work. */
export type Command =
  /** Fetches the digits from a folder's URL. The first command. */
  | { readonly type: "load"; readonly folder: string }
  | { readonly type: "start" }
  | { readonly type: "pause" }
  /** New weights, step 0. */
  | { readonly type: "reset" }
  /** Goes on there, with the weights as they are. */
  | { readonly type: "device"; readonly device: DeviceName }
  /** A digit of 28 x 28 bytes to classify from now on, or nothing. */
  | { readonly type: "drawing"; readonly pixels: Uint8Array | null };

/** From the worker to the page. */
export type Report =
  | { readonly type: "loading"; readonly loaded: number; readonly total: number }
  | Ready
  | { readonly type: "state"; readonly running: boolean; readonly device: DeviceName }
  /** The weights are new: what came before is of another net. */
  | { readonly type: "fresh" }
  | Progress
  | Evaluation
  /** Of the drawing, class by class; null without one. */
  | { readonly type: "probabilities"; readonly values: readonly number[] | null }
  | { readonly type: "failure"; readonly message: string };

/** The digits are there. */
export interface Ready {
  readonly type: "ready";
  readonly parameters: number;
  readonly trainingDigits: number;
  readonly stepsPerEpoch: number;
  /** Why a device cannot be used; null where it can. */
  readonly refusals: Readonly<Record<DeviceName, string | null>>;
}

/** Some more steps are done. */
export interface Progress {
  readonly type: "progress";
  /** How many steps in all. */
  readonly step: number;
  /** The losses of the last steps. */
  readonly losses: readonly number[];
  readonly stepsPerSecond: number;
}

/** How well the net does on digits that it is not trained on. */
export interface Evaluation {
  readonly type: "evaluation";
  readonly correct: number;
  readonly total: number;
  /** The first of the digits that it got wrong. */
  readonly mistakes: readonly Mistake[];
}

export interface Mistake {
  /** 28 x 28 bytes. */
  readonly pixels: Uint8Array;
  readonly label: number;
  readonly predicted: number;
}
