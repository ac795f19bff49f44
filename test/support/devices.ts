/** The devices that tests of tensors run on. A device that tests cannot start is not in the list. */
export const devices: readonly string[] = ["cpu", "reference"];
