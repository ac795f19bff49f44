/** The worker: trains, and obeys the page between two steps. */
import { refusals } from "./devices.ts";
import { fetchDigits } from "./digit-files.ts";
import { Mailbox } from "./mailbox.ts";
import type { Command, Report } from "./protocol.ts";
import { Trainer } from "./trainer.ts";

const mailbox = new Mailbox();
self.addEventListener("message", ({ data }: MessageEvent<Command>) => mailbox.put(data));
const report = (message: Report): void => self.postMessage(message);

const channel = new MessageChannel();
/** Resolves after messages that have come were delivered and finalizers had their chance. Unlike a timer it does not wait for milliseconds. */
function pause(): Promise<void> {
  return new Promise((resolve) => {
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(null);
  });
}

let trainer: Trainer | null = null;
let work: ReturnType<Trainer["train"]> | null = null;
let running = false;
let drawing: Uint8Array | null = null;

async function load(folder: string): Promise<void> {
  let told = 0;
  const { train, test } = await fetchDigits(folder, (loaded, total) => {
    if (loaded - told < total / 50) return;
    told = loaded;
    report({ type: "loading", loaded, total });
  });
  trainer = new Trainer(train, test);
  const { parameters, trainingDigits, stepsPerEpoch } = trainer;
  report({ type: "ready", parameters, trainingDigits, stepsPerEpoch, refusals: await refusals() });
}

async function obey(command: Command): Promise<void> {
  if (command.type === "load") await load(command.folder);
  if (trainer === null) return;
  switch (command.type) {
    case "start":
      running = true;
      break;
    case "pause":
      running = false;
      break;
    case "reset":
      running = false;
      await stopWork();
      await trainer.reset();
      report({ type: "fresh" });
      break;
    case "device":
      await stopWork();
      await trainer.moveTo(command.device);
      break;
    case "drawing":
      drawing = command.pixels;
  }
  if (command.type === "drawing" || command.type === "reset") await classifyDrawing(trainer);
  if (command.type !== "drawing") report({ type: "state", running, device: trainer.device });
}

/** What was begun would go on with the old weights, or on the old device. */
async function stopWork(): Promise<void> {
  await work?.return(undefined);
  work = null;
}

async function classifyDrawing(by: Trainer): Promise<void> {
  report({ type: "probabilities", values: drawing === null ? null : await by.classify(drawing) });
}

async function turn(by: Trainer): Promise<void> {
  work ??= by.train();
  const { value } = await work.next();
  if (!value) return;
  report(value);
  if (value.type === "progress" && drawing !== null) await classifyDrawing(by);
}

async function run(): Promise<never> {
  for (;;) {
    try {
      for (const command of mailbox.take()) await obey(command);
      if (running && trainer !== null) await turn(trainer);
      else await mailbox.arrival();
    } catch (e) {
      running = false;
      work = null;
      report({ type: "failure", message: e instanceof Error ? e.message : String(e) });
      if (trainer !== null) report({ type: "state", running, device: trainer.device });
    }
    await pause();
  }
}
void run();
