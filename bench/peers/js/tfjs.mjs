// TensorFlow.js trains a convolution in two ways here, the variants:
// "own gradients": what tf.grads gives, on its native backend (@tensorflow/tfjs-node) where that is installed, else on the one in plain
//   JavaScript. Its WebAssembly backend has no kernel for the gradient to the weight (Conv2DBackpropFilter).
// "wasm, gradients by hand": the WebAssembly backend, with the gradients said by its forward convolution.
import { fileURLToPath } from "node:url";
import { serve, versionOf } from "./serve.mjs";

// Its greeting would mix with the answers.
console.log = console.info = () => {};
const native = await import("@tensorflow/tfjs-node").catch(() => undefined);
const tf = native ?? (await import("@tensorflow/tfjs"));
const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
setWasmPaths(fileURLToPath(new URL("node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url)));

const BATCH = 64;

/** Gradients to input and weight of a 3×3 convolution, [N, H, W, C] and [3, 3, C, D], where `direction` is the gradient of its output. */
const byHand = (inputs, weight, direction) =>
  tf.tidy(() => {
    const rotated = tf.transpose(tf.reverse(weight, [0, 1]), [0, 1, 3, 2]);
    // A sum over images and places: images become channels, the output's gradient the kernel.
    const slope = tf.conv2d(tf.transpose(inputs, [3, 1, 2, 0]), tf.transpose(direction, [1, 2, 0, 3]), 1, 1);
    return [tf.conv2d(direction, rotated, 1, "same"), tf.transpose(slope, [1, 2, 0, 3])];
  });

const forward = (x, w) => tf.conv2d(x, w, 1, "same");
const own = tf.grads(forward);

/** Forward and backward of a 3×3 convolution 64→64 at 32×32: gradients of input and weight. */
async function convolution(variant) {
  const isOwn = variant === "own gradients";
  await tf.setBackend(isOwn ? (native ? "tensorflow" : "cpu") : "wasm");
  await tf.ready();
  // In plain JavaScript a batch takes minutes; each image is work of its own, so one of them is timed.
  const images = isOwn && !native ? 1 : BATCH;
  const [inputs, direction] = [tf.randomUniform([images, 32, 32, 64]), tf.randomUniform([images, 32, 32, 64])];
  const weight = tf.randomUniform([3, 3, 64, 64]);
  return {
    run: async () => {
      // tf.grads computes the output too, and keeps it to itself.
      const results = isOwn ? own([inputs, weight], direction) : [forward(inputs, weight), ...byHand(inputs, weight, direction)];
      await Promise.all(results.map((tensor) => tensor.data()));
      tf.dispose(results);
    },
    times: BATCH / images,
  };
}

const name = native ? "tfjs-node" : "tfjs";
await serve(`${name} ${versionOf(`@tensorflow/${name}`)}`, { conv: convolution });
