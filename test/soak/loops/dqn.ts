import * as torch from "torchlet";
import { nn, optim, type Tensor } from "torchlet";
import type { Loop } from "./loop.ts";
import { randomNumbers } from "./random.ts";

const SIDE = 4;
const CELLS = SIDE * SIDE;
const MOVES: readonly (readonly [number, number])[] = [
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
];
const BATCH = 16;
const CAPACITY = 500;
const DISCOUNT = 0.9;
const SYNC_EVERY = 25;

/** A board of 4 x 4 fields with the goal in the last. A move off the board changes nothing; each costs a little. */
function moved(cell: number, action: number): { cell: number; reward: number; done: boolean } {
  const [down, right] = MOVES[action]!;
  const row = Math.min(Math.max(Math.floor(cell / SIDE) + down, 0), SIDE - 1);
  const column = Math.min(Math.max((cell % SIDE) + right, 0), SIDE - 1);
  const next = row * SIDE + column;
  const done = next === CELLS - 1;
  return { cell: next, reward: done ? 1 : -0.05, done };
}

/** One step of the player, as tensors that the replay buffer keeps. */
interface Transition {
  readonly state: Tensor;
  readonly action: Tensor;
  readonly reward: Tensor;
  readonly nextState: Tensor;
  readonly goesOn: Tensor;
}

const network = (): nn.Sequential => new nn.Sequential(new nn.Linear(CELLS, 32), new nn.ReLU(), new nn.Linear(32, MOVES.length));

/** Q-learning with a replay buffer and a target network. Source: V. Mnih et al., "Human-level control through deep reinforcement learning" (2015). */
export async function dqn(device: string): Promise<Loop> {
  torch.manualSeed(0);
  const policy = await network().to(device);
  const target = await network().to(device);
  target.loadStateDict(policy.stateDict());
  const optimizer = new optim.Adam(policy.parameters(), { lr: 0.005 });
  const random = randomNumbers(0);
  const below = (n: number): number => Math.floor(random() * n);
  const encode = (cell: number): Tensor =>
    torch.tensor(
      Array.from({ length: CELLS }, (_, i) => (i === cell ? 1 : 0)),
      { device },
    );

  const replay: Transition[] = [];
  let count = 0;
  let cell = 0;
  let state = encode(cell);
  return {
    async train(steps, onStep) {
      for (let step = 0; step < steps; step++) {
        // The player moves, at random in the beginning and seldom later.
        const explores = random() < Math.max(0.1, 1 - count / 200);
        const action = explores ? below(MOVES.length) : Number(await torch.noGrad(() => (policy(state) as Tensor).argmax()).item());
        const { cell: next, reward, done } = moved(cell, action);
        const nextState = encode(next);
        replay[count % CAPACITY] = {
          state,
          action: torch.tensor([BigInt(action)], { device }),
          reward: torch.tensor([reward], { device }),
          nextState,
          goesOn: torch.tensor([done ? 0 : 1], { device }),
        };
        cell = done ? below(CELLS - 1) : next;
        state = done ? encode(cell) : nextState;

        // The network learns from steps of the past.
        const batch = Array.from({ length: BATCH }, () => replay[below(replay.length)]!);
        const states = torch.stack(batch.map((t) => t.state)); // (batch, cells)
        const actions = torch.stack(batch.map((t) => t.action)); // (batch, 1)
        const rewards = torch.cat(batch.map((t) => t.reward)); // (batch)
        const nextStates = torch.stack(batch.map((t) => t.nextState));
        const goesOn = torch.cat(batch.map((t) => t.goesOn));
        const values = (policy(states) as Tensor).gather(1, actions).squeeze(1); // (batch)
        const nextValues = torch.noGrad(() => (target(nextStates) as Tensor).amax(1));
        const loss = nn.functional.mseLoss(values, nextValues.mul(goesOn).mul(DISCOUNT).add(rewards));
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();

        if (++count % SYNC_EVERY === 0) target.loadStateDict(policy.stateDict());
        onStep(Number(await loss.item()), loss);
      }
    },

    held: () => ({ policy, target, optimizer, state, replay: replay.flatMap((t) => Object.values(t) as Tensor[]) }),

    /** The share of the fields from which the greedy player reaches the goal on a shortest way. */
    async score() {
      const all = torch.stack(Array.from({ length: CELLS }, (_, i) => encode(i)));
      const actions = await torch.noGrad(() => (policy(all) as Tensor).argmax(1)).tolist();
      let arrived = 0;
      for (let start = 0; start < CELLS - 1; start++) {
        let at = start;
        const shortest = 2 * (SIDE - 1) - Math.floor(start / SIDE) - (start % SIDE);
        for (let i = 0; i < shortest; i++) at = moved(at, Number((actions as unknown[])[at])).cell;
        if (at === CELLS - 1) arrived++;
      }
      return arrived / (CELLS - 1);
    },
    passing: 0.6,
  };
}
