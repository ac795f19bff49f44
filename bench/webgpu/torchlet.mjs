// The rows in torchlet, on device webgpu. The package is an argument, so that a host without package resolution can pass the built files.

/** Tasks of the package `torch`; `LeNet` is the model of the training row, where that is measured. */
export function torchletColumn(torch, LeNet = null) {
  const { functional } = torch.nn;
  const { synchronize } = torch.webgpu;
  const upload = (values, shape) =>
    torch
      .tensor(values)
      .view(...shape)
      .to("webgpu");
  /** A task that computes a tensor from tensors. */
  const computing = (inputs, compute) => {
    let last = null;
    return {
      run: () => {
        last?.dispose();
        last = compute();
        return synchronize();
      },
      result: async () => await last.toTypedArray(),
      dispose: () => {
        last?.dispose();
        for (const x of inputs) x.dispose();
      },
    };
  };

  const tasks = {
    async matmul({ n }, [x, y]) {
      const [a, b] = [await upload(x, [n, n]), await upload(y, [n, n])];
      return computing([a, b], () => a.mm(b));
    },
    async pointwise({ n }, inputs) {
      const [x, y, z] = await Promise.all(inputs.map((v) => upload(v, [n])));
      return computing([x, y, z], () => torch.scope(() => x.mul(y).add(z)));
    },
    async sum({ n }, [v]) {
      const x = await upload(v, [n]);
      return computing([x], () => x.sum());
    },
    async softmax({ rows, n }, [v]) {
      const x = await upload(v, [rows, n]);
      return computing([x], () => x.softmax(1));
    },
    async convolution({ batch, from, size, to }, [v, u]) {
      const x = await upload(v, [batch, from, size, size]);
      const w = await upload(u, [to, from, 3, 3]);
      return computing([x, w], () => functional.conv2d(x, w, null, { padding: 1 }));
    },
    async chain({ length }, [v, u]) {
      const [x, y] = [await upload(v, [4]), await upload(u, [4])];
      const chain = () => {
        let z = x.add(y);
        for (let i = 1; i < length; i++) {
          const next = z.add(y);
          z.dispose();
          z = next;
        }
        return z;
      };
      return { ...computing([x, y], chain), ops: length };
    },
    async training({ batch, steps }, [images, labels, ...parameters]) {
      if (LeNet === null) return "not measured here";
      const model = await load(torch, new LeNet(), parameters).to("webgpu");
      const optimizer = new torch.optim.Adam(model.parameters(), { lr: 1e-3 });
      const x = await upload(images, [batch, 1, 28, 28]);
      const target = await torch.tensor(labels).long().to("webgpu");
      const step = trainingStep(torch, model, optimizer, x, target);
      const losses = [];
      for (let i = 0; i < steps; i++) {
        const loss = step();
        losses.push(await loss.item());
        loss.dispose();
      }
      return {
        run: () => {
          step().dispose();
          return synchronize();
        },
        result: () => Promise.resolve(losses),
      };
    },
  };
  return { prepare: async (row) => await tasks[row.kind](row.size, row.inputs()) };
}

/** Sets the parameters of a model, in their order. */
export function load(torch, model, values) {
  torch.noGrad(() => {
    [...model.parameters()].forEach((p, i) => {
      p.copy_(torch.tensor(values[i]).view(...p.shape));
    });
  });
  return model;
}

/** Forward, cross entropy, backward and the optimizer's step, as a function that gives the loss. */
export const trainingStep = (torch, model, optimizer, images, labels) => () =>
  torch.scope(() => {
    optimizer.zeroGrad();
    const loss = torch.nn.functional.crossEntropy(model(images), labels);
    loss.backward();
    optimizer.step();
    return loss.detach();
  });

/** The losses of the first steps in float64, on the CPU. */
export function trainingReference(torch, LeNet, { batch, steps }, [images, labels, ...parameters]) {
  const model = load(torch, new LeNet(), parameters).double();
  const optimizer = new torch.optim.Adam(model.parameters(), { lr: 1e-3 });
  const x = torch.tensor(images).view(batch, 1, 28, 28).double();
  const step = trainingStep(torch, model, optimizer, x, torch.tensor(labels).long());
  return Float64Array.from({ length: steps }, () => step().itemSync());
}
