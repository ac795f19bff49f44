/** The page's script: reads what was recorded and shows each part. */
import type { Recording } from "../recording.ts";
import { showArenas } from "./arenas.ts";
import { showCycle, showGradientCycle } from "./cycle.ts";
import { byId } from "./dom.ts";
import { showGenerations } from "./generations.ts";
import { showOwners } from "./owners.ts";
import { showReuse } from "./reuse.ts";
import { showTimeline } from "./timeline.ts";

const recording = JSON.parse(byId("recording").textContent ?? "") as Recording;
showTimeline(recording.training);
showArenas(recording.moments);
showOwners(recording.owners);
showCycle(recording.cycle);
showGradientCycle(recording.gradientCycle);
showGenerations(recording.generations);
showReuse(recording.reuse);
byId("host").textContent = recording.host;
