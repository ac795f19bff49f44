import * as torch from "torchlet";
import { nn, optim, type Tensor } from "torchlet";

const model = new nn.Sequential(new nn.Linear(2, 3), new nn.ReLU(), new nn.Linear(3, 1));
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
const x: Tensor = torch.randn(4, 2);
const loss: Tensor = model(x).mean();
loss.backward();
optimizer.step();
const value: Promise<number | boolean> = loss.item();
console.log(await value);
// @ts-expect-error there is no such method
x.nope();
