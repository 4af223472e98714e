// jax-js (https://github.com/ekzhang/jax-js) on its WebAssembly backend, the fastest that it has in Node, with a thread for each core.
import { serve, versionOf } from "./serve.mjs";
import { provideWorkers } from "./web-worker.mjs";

provideWorkers();
const { blockUntilReady, grad, jit, nn, numpy: np, tree, defaultDevice } = await import("@jax-js/jax");

const random = (...shape) => {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => Math.random());
  return np.array(data).reshape(shape);
};

const SIZES = [784, 1200, 1200, 10];
const BATCH = 128;

/** Mean cross-entropy of 784-1200-1200-10 with ReLU; labels are one-hot rows. */
function loss(layers, inputs, labels) {
  let x = inputs;
  for (const [index, { w, b }] of layers.entries()) {
    x = np.dot(x, w).add(b);
    if (index < layers.length - 1) x = nn.relu(x);
  }
  return nn
    .logSoftmax(x)
    .mul(labels)
    .sum()
    .mul(-1 / BATCH);
}

const sgdStep = jit((layers, inputs, labels) => {
  const slopes = grad(loss)(tree.ref(layers), inputs, labels);
  return tree.map((parameter, slope) => parameter.sub(slope.mul(0.01)), layers, slopes);
});

function mlpStep() {
  const pairs = SIZES.slice(1).map((outputs, index) => [SIZES[index], outputs]);
  let layers = pairs.map(([inputs, outputs]) => ({ w: random(inputs, outputs).sub(0.5).mul(0.05), b: np.zeros([outputs]) }));
  const inputs = random(BATCH, 784);
  const labels = nn.oneHot(np.array(Int32Array.from({ length: BATCH }, (_, row) => row % 10)), 10);
  return {
    run: async () => {
      layers = await blockUntilReady(sgdStep(layers, inputs.ref, labels.ref));
    },
    parameters: pairs.reduce((sum, [inputs, outputs]) => sum + (inputs + 1) * outputs, 0),
  };
}

await serve(`jax-js ${versionOf("@jax-js/jax")} (${defaultDevice()})`, { "mlp-step": mlpStep });
