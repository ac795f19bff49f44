import * as torch from "torchlet";
import { nn, optim, type Tensor } from "torchlet";
import type { Loop } from "./loop.ts";

const BATCH = 32;
const NOISE = 4;

/** Points that the generator is to imitate: a cloud around (2, -1). */
const realPoints = (centre: Tensor): Tensor => torch.randn(BATCH, 2, { device: centre.device }).mul(0.5).add(centre);

/** A generator and a discriminator with an optimizer each. */
export async function gan(device: string): Promise<Loop> {
  torch.manualSeed(0);
  const generator = await new nn.Sequential(new nn.Linear(NOISE, 32), new nn.ReLU(), new nn.Linear(32, 2)).to(device);
  const discriminator = await new nn.Sequential(new nn.Linear(2, 32), new nn.LeakyReLU(0.2), new nn.Linear(32, 1)).to(device);
  const optimizerG = new optim.Adam(generator.parameters(), { lr: 0.003, betas: [0.5, 0.999] });
  const optimizerD = new optim.Adam(discriminator.parameters(), { lr: 0.003, betas: [0.5, 0.999] });
  const criterion = new nn.BCEWithLogitsLoss();
  const real = torch.ones(BATCH, 1, { device });
  const fake = torch.zeros(BATCH, 1, { device });
  const centre = torch.tensor([2, -1], { device });

  return {
    async train(steps, onStep) {
      for (let step = 0; step < steps; step++) {
        // The discriminator learns to tell real points from generated ones, which stay as they are.
        const generated = generator(torch.randn(BATCH, NOISE, { device })) as Tensor; // (batch, 2)
        optimizerD.zeroGrad();
        const lossReal = criterion(discriminator(realPoints(centre)) as Tensor, real);
        const lossFake = criterion(discriminator(generated.detach()) as Tensor, fake);
        const lossD = lossReal.add(lossFake);
        lossD.backward();
        optimizerD.step();

        // The generator learns to be taken for real.
        optimizerG.zeroGrad();
        const lossG = criterion(discriminator(generated) as Tensor, real);
        lossG.backward();
        optimizerG.step();

        onStep(Number(await lossG.item()), lossG);
      }
    },

    held: () => ({ generator, discriminator, optimizerG, optimizerD, real, fake, centre }),

    /** Less the distance from the middle of the generated points to that of the real ones: 0 is best. */
    async score() {
      const middle = torch.noGrad(() => (generator(torch.randn(512, NOISE, { device })) as Tensor).mean(0));
      return -Number(await middle.sub(centre).square().sum().sqrt().item());
    },
    passing: -1,
  };
}
