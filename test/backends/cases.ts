import type { Case } from "./case.ts";
import { castCases } from "./cases/cast.ts";
import { contractCases } from "./cases/contract.ts";
import { foldCases } from "./cases/fold.ts";
import { mapCases } from "./cases/map.ts";
import { moveCases } from "./cases/move.ts";
import { rowsCases } from "./cases/rows.ts";

/** Kernels of every kind, on operands of every layout. */
export const cases: readonly Case[] = [...mapCases(), ...castCases(), ...foldCases(), ...rowsCases(), ...contractCases(), ...moveCases()];
