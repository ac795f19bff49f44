import type { ScalarType } from "./format.ts";
import type { Shader } from "./shader.ts";

/**
 * Statements that combine the tuples `y` of `lanes` neighbouring invocations, in order, into that of the first: of those up to `filled` only. In
 * scope: `lid`, and `lane`, its number among the neighbours. They contain barriers. Within subgroups (of at least `subgroup` invocations, 1: not
 * used) tuples are shuffled, beyond they go through workgroup memory. Invocations of a workgroup of one dimension make up subgroups in order.
 */
export function declareTree(s: Shader, types: readonly ScalarType[], lanes: number, workgroup: number, subgroup: number): string {
  const steps: string[] = [];
  const taken = (by: number): string => `(lane & ${2 * by - 1}u) == 0u && lane + ${by}u < filled`;
  if (subgroup > 1) {
    const components = types.map((t, k) =>
      t === "bool" ? `subgroupShuffleDown(select(0u, 1u, s.c${k}), by) != 0u` : `subgroupShuffleDown(s.c${k}, by)`,
    );
    s.declarations.push(`fn shuffled(s: State, by: u32) -> State { return State(${components.join(", ")}); }`);
  }
  for (let by = 1; by < subgroup; by *= 2) {
    steps.push(`{ let both = combine(y, shuffled(y, ${by}u)); if (${taken(by)}) { y = both; } }`);
  }
  if (lanes > subgroup) {
    s.declarations.push(`var<workgroup> tuples: array<State, ${workgroup}>;`);
    steps.push("tuples[lid] = y;");
    for (let by = subgroup; by < lanes; by *= 2) {
      const keep = 2 * by < lanes ? " tuples[lid] = y;" : "";
      steps.push(`workgroupBarrier();\n  if (${taken(by)}) { y = combine(y, tuples[lid + ${by}u]);${keep} }`);
    }
    steps.push("workgroupBarrier();");
  }
  return steps.join("\n  ");
}
