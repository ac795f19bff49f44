export type Split = "train" | "test";

/** The names of the two original files of a split, images and labels. */
export function fileNames(split: Split): readonly [images: string, labels: string] {
  const prefix = split === "train" ? "train" : "t10k";
  return [`${prefix}-images-idx3-ubyte`, `${prefix}-labels-idx1-ubyte`];
}
