import { numberOf, PyFloat, PyFunction } from "./values.ts";

/** Python's `math` module, as far as it is used. */
export function mathModule(): Map<string, unknown> {
  const names = new Map<string, unknown>([
    ["__name__", "math"],
    ["pi", new PyFloat(Math.PI)],
    ["e", new PyFloat(Math.E)],
    ["inf", new PyFloat(Number.POSITIVE_INFINITY)],
    ["nan", new PyFloat(Number.NaN)],
  ]);
  for (const name of ["sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "tanh"] as const) {
    names.set(
      name,
      new PyFunction(name, ([value]) => {
        return new PyFloat(Math[name](Number(numberOf(value))));
      }),
    );
  }
  for (const name of ["floor", "ceil", "trunc"] as const) {
    names.set(
      name,
      new PyFunction(name, ([value]) => {
        return BigInt(Math[name](Number(numberOf(value))));
      }),
    );
  }
  return names;
}
