/** The page: shows what the worker reports, and tells it what the visitor wants. It computes nothing of the net. */
import { paintDigit } from "./digit-image.ts";
import { DrawingPad } from "./drawing-pad.ts";
import { LossChart } from "./loss-chart.ts";
import { showMistakes } from "./mistakes.ts";
import { ProbabilityBars } from "./probability-bars.ts";
import { type Command, DEVICES, type DeviceName, type Evaluation, type Progress, type Ready, type Report } from "./protocol.ts";
import { rasterise } from "./rasterise.ts";

const $ = <E extends HTMLElement = HTMLElement>(id: string): E => document.getElementById(id) as E;
const show = (id: string, text: string): void => {
  $(id).textContent = text;
};
const whole = (n: number): string => n.toLocaleString("en", { maximumFractionDigits: 0 });

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const tell = (command: Command): void => worker.postMessage(command);
const chart = new LossChart($<HTMLCanvasElement>("loss"));
const bars = new ProbabilityBars($("probabilities"));
const radio = (device: DeviceName): HTMLInputElement => $("devices").querySelector(`[value=${device}]`)!;

/** Strokes that are longer than this part of the pad fill the box. */
const LEAST_STROKE = 0.15;
const pad = new DrawingPad($<HTMLCanvasElement>("pad"), (strokes) => {
  const pixels = strokes.length === 0 ? null : rasterise(strokes, LEAST_STROKE);
  paintDigit($<HTMLCanvasElement>("seen"), pixels);
  tell({ type: "drawing", pixels });
});

let ready: Ready | null = null;
let running = false;
let step = 0;
let stepsPerSecond = 0;
let device: DeviceName = "cpu";

$("run").addEventListener("click", () => tell({ type: running ? "pause" : "start" }));
$("reset").addEventListener("click", () => tell({ type: "reset" }));
$("clear").addEventListener("click", () => pad.clear());
for (const name of DEVICES) radio(name).addEventListener("change", () => tell({ type: "device", device: name }));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  chart.draw();
  pad.draw();
});

worker.addEventListener("error", (e) => fail(e.message || "the worker could not be loaded"));
worker.addEventListener("message", ({ data: report }: MessageEvent<Report>) => {
  switch (report.type) {
    case "loading":
      $<HTMLProgressElement>("fetched").value = report.loaded / report.total;
      break;
    case "ready":
      begin(report);
      break;
    case "state":
      ({ running, device } = report);
      showState();
      break;
    case "fresh":
      startAnew();
      break;
    case "progress":
      showProgress(report);
      break;
    case "evaluation":
      showEvaluation(report);
      break;
    case "probabilities":
      showProbabilities(report.values);
      break;
    case "failure":
      fail(report.message);
  }
});
tell({ type: "load", folder: new URL("mnist/", document.baseURI).href });

function begin(report: Ready): void {
  ready = report;
  show("parameters", whole(report.parameters));
  show("digit-count", whole(report.trainingDigits));
  $("fetched").hidden = true;
  for (const name of DEVICES) radio(name).disabled = report.refusals[name] !== null;
  const reasons = DEVICES.flatMap((name) => report.refusals[name] ?? []);
  $("refusal").hidden = reasons.length === 0;
  show("refusal", reasons.map((reason) => `${reason}.`).join(" "));
}

function showState(): void {
  show("run", running ? "Pause" : "Start");
  radio(device).checked = true;
  show("status", running ? `Training on ${device}` : step === 0 ? "Ready" : `Paused at step ${whole(step)}`);
  if (running) $("failure").hidden = true;
  if (running) return;
  showFigures();
  describeChart();
}

function startAnew(): void {
  step = 0;
  stepsPerSecond = 0;
  chart.clear();
  showFigures();
  showMistakes($("mistakes"), []);
  show("mistake-count", "The test digits it takes for others will stand here.");
  show("accuracy", "–");
  show("tested", "not tested yet");
}

let waiting = false;
function showProgress(report: Progress): void {
  ({ step, stepsPerSecond } = report);
  chart.append(report.losses);
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    showFigures();
  });
}

function showFigures(): void {
  chart.draw();
  show("step", whole(step));
  show("epoch", `epoch ${1 + Math.floor(step / (ready?.stepsPerEpoch ?? Number.POSITIVE_INFINITY))}`);
  show("loss-value", chart.loss?.toFixed(3) ?? "–");
  show("speed", stepsPerSecond === 0 ? "–" : stepsPerSecond.toFixed(stepsPerSecond < 10 ? 1 : 0));
}

function showEvaluation({ correct, total, mistakes }: Evaluation): void {
  const wrong = total - correct;
  show("accuracy", `${((100 * correct) / total).toFixed(1)} %`);
  show("tested", `of ${whole(total)} test digits`);
  const shown = mistakes.length < wrong ? `; the first ${mistakes.length}` : "";
  show("mistake-count", `${whole(wrong)} of ${whole(total)} test digits${shown}. What it is, and what the net says.`);
  showMistakes($("mistakes"), mistakes);
  describeChart();
}

let guess = "";
function showProbabilities(values: readonly number[] | null): void {
  bars.show(values);
  const best = values === null ? 0 : values.indexOf(Math.max(...values));
  const text = values === null ? "Nothing drawn yet" : values[best]! < 0.5 ? `Perhaps a ${best}` : `Looks like a ${best}`;
  // Said aloud by screen readers, so only where it changes.
  if (text !== guess) show("guess", text);
  guess = text;
}

function describeChart(): void {
  const text = chart.loss === undefined ? "no steps yet" : `${chart.loss.toFixed(3)} at step ${whole(step)}`;
  $("loss").setAttribute("aria-label", `Training loss: ${text}`);
}

function fail(message: string): void {
  $("failure").hidden = false;
  show("failure", message);
  if (ready !== null) return;
  $("fetched").hidden = true;
  show("status", "Cannot train");
  for (const id of ["run", "reset"]) $<HTMLButtonElement>(id).disabled = true;
}
