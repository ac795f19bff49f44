/** How tensors print; see {@link setPrintoptions}. */
export interface PrintOptions {
  /** Digits after the decimal point. */
  precision: number;
  /** A tensor with more elements than this prints its edges only. */
  threshold: number;
  /** Items kept at each end of each dimension of such a tensor. */
  edgeitems: number;
  /** Columns of a line before a row is broken. */
  linewidth: number;
  /** Scientific notation always (`true`), never (`false`), or as the values call for (`null`). */
  sciMode: boolean | null;
}

type Profile = "default" | "short" | "full";

const PROFILES: Record<Profile, Omit<PrintOptions, "sciMode">> = {
  default: { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80 },
  short: { precision: 2, threshold: 1000, edgeitems: 2, linewidth: 80 },
  full: { precision: 4, threshold: Number.POSITIVE_INFINITY, edgeitems: 3, linewidth: 80 },
};

let current: Readonly<PrintOptions> = { ...PROFILES.default, sciMode: null };

/**
 * Sets how tensors print, as `torch.set_printoptions` does. A profile is applied first and single options then override it.
 * What is not mentioned stays, with PyTorch's one exception: `sciMode` goes back to `null` in every call that does not name it.
 *
 * @example
 * setPrintoptions({ precision: 2 });
 * setPrintoptions({ profile: "full", sciMode: false });
 * setPrintoptions({ profile: "default" });
 */
export function setPrintoptions(options: Partial<PrintOptions> & { profile?: Profile }): void {
  const base = options.profile === undefined ? current : PROFILES[options.profile];
  current = {
    precision: options.precision ?? base.precision,
    threshold: options.threshold ?? base.threshold,
    edgeitems: options.edgeitems ?? base.edgeitems,
    linewidth: options.linewidth ?? base.linewidth,
    sciMode: options.sciMode ?? null,
  };
}

/** The options in force: a snapshot, which later calls of {@link setPrintoptions} do not change. */
export function getPrintoptions(): Readonly<PrintOptions> {
  return current;
}
