/** The package as it is published, and a page that uses it. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { repository } from "./bundle.ts";

/** Builds the package from today's sources, so that no older `dist` is tested, and installs it into `folder`. `room` is a folder to build in. */
export function buildPackage(room: string, folder: string): void {
  mkdirSync(join(room, "scripts"), { recursive: true });
  symlinkSync(join(repository, "src"), join(room, "src"), "dir");
  for (const name of ["scripts/build.mjs", "scripts/class-names.mjs", "package.json", "tsconfig.json", "tsconfig.build.json"]) {
    copyFileSync(join(repository, name), join(room, name));
  }
  execFileSync(process.execPath, [join(room, "scripts/build.mjs")], { cwd: room, stdio: "inherit" });
  mkdirSync(folder, { recursive: true });
  for (const name of ["dist", "package.json"]) renameSync(join(room, name), join(folder, name));
}

/** What the page below reports. */
export interface Reported {
  readonly grad: unknown;
  readonly model: string;
  readonly losses: readonly number[];
  readonly error: readonly [name: string, message: string];
  readonly devices: readonly string[];
}

/** Uses tensors, autograd, modules, an optimizer and an error, and leaves the results in `globalThis.reported`. */
const PROGRAM = `
const x = torch.tensor([[1, 2], [3, 4]], { requiresGrad: true });
x.mul(x).sum().backward();
torch.manualSeed(0);
const { nn, optim } = torch;
const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 });
const input = torch.randn(32, 2);
const target = input.prod(1, true);
const losses = [];
for (let step = 0; step < 60; step++) {
  const loss = nn.functional.mseLoss(model(input), target);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  losses.push(await loss.item());
}
let error = ["", ""];
try {
  torch.ones(2).add(torch.ones(3));
} catch (e) {
  error = [e instanceof torch.TorchletError ? e.name : String(e), e.message];
}
globalThis.reported = { grad: await x.grad.tolist(), model: String(model), losses, error, devices: [String(torch.getDefaultDevice())] };
`;

/** Writes the page, which imports the library from \`specifier\`, into a folder. */
export function writePage(folder: string, specifier: string): void {
  mkdirSync(folder, { recursive: true });
  const icon = '<link rel="icon" href="data:,">'; // browsers ask for one, and not every server answers
  writeFileSync(join(folder, "main.js"), `import * as torch from ${JSON.stringify(specifier)};\n${PROGRAM}`);
  writeFileSync(
    join(folder, "index.html"),
    `<!doctype html>\n<title>torchlet</title>\n${icon}\n<script type="module" src="./main.js"></script>\n`,
  );
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "stranger", type: "module", private: true }));
}

/** The folder of the page's project that an installed package lies in. */
export function installedAt(project: string): string {
  const place = join(project, "node_modules/torchlet");
  mkdirSync(dirname(place), { recursive: true });
  return place;
}
