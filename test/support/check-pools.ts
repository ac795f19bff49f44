/** After every test, the invariants of all pools: what does not hold fails the test that left it so. Opens no device and loads no backend. */
import { afterEach } from "vitest";
import { checkPool } from "../../src/memory/check.ts";
import type { Pool } from "../../src/memory/pool.ts";
import { pools } from "../../src/memory/pressure.ts";

/** How far a pool was when it was last checked. While nothing was allocated or freed, there is nothing to check. */
const checked = new WeakMap<Pool, string>();
const stateOf = ({ serial, all }: Pool): string => `${serial} ${all.allocation.current} ${all.reservedBytes.current}`;

/** What has been told already: later tests do not fail by it again. */
const told = new Set<string>();

function news(pool: Pool): string[] {
  const state = stateOf(pool);
  if (checked.get(pool) === state) return [];
  checked.set(pool, state);
  const found = checkPool(pool)
    .map((sentence) => `${pool.name}: ${sentence}`)
    .filter((sentence) => !told.has(sentence));
  for (const sentence of found) told.add(sentence);
  return found;
}

afterEach(() => {
  const found = pools().flatMap(news);
  if (found.length > 0) throw new Error(`the test left a pool in a state that it must not be in:\n${found.join("\n")}`);
});
