/** The loops by name. */
import { charRnn } from "./char-rnn.ts";
import { convnet } from "./convnet.ts";
import { dqn } from "./dqn.ts";
import { gan } from "./gan.ts";
import type { Loop } from "./loop.ts";
import { mlp } from "./mlp.ts";
import { tinyGpt } from "./tiny-gpt.ts";

export const loops: Readonly<Record<string, (device: string) => Promise<Loop>>> = {
  mlp,
  convnet,
  "char-rnn": charRnn,
  "tiny-gpt": tinyGpt,
  gan,
  dqn,
};
