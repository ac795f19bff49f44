/** A program with workers that ends: by coming to its end, by `process.exit`, or while they start and run. */
import { pool } from "../../src/backends/cpu/threads/pool.ts";
import * as torch from "../../src/index.ts";

const how = process.argv[2]!;
torch.setNumThreads(2);
const x = torch.randn(512, 512);
x.matmul(x);
if (how === "busy") {
  console.log("busy 1");
  torch.setNumThreads(4);
  x.matmul(x);
} else {
  const wait = (): void => {
    if (pool.ready === 0) setTimeout(wait, 5);
    else {
      x.matmul(x);
      console.log(`${how} ${pool.ready}`);
      if (how === "exit") setTimeout(() => process.exit(), 1);
    }
  };
  wait();
}
