import type { Graph, Value } from "../../graph/graph.ts";
import { relu } from "../activations.ts";
import { lecunUniform } from "../initializers.ts";
import type { ConvOptions, Network } from "../layers.ts";
import { conv, convNorm, dense, type ImageClassifierOptions, imageClassifier, norm, pooled } from "../torch-layers.ts";
import type { Stem } from "./width.ts";

/** Table 5 of the paper: channels of the stem, of the three stages, and of the last convolution. */
export const shufflenetV2Variants = {
  "shufflenet-v2-x0.5": [24, 48, 96, 192, 1024],
  "shufflenet-v2-x1.0": [24, 116, 232, 464, 1024],
  "shufflenet-v2-x1.5": [24, 176, 352, 704, 1024],
  "shufflenet-v2-x2.0": [24, 244, 488, 976, 2048],
} as const;
const repeats = [4, 8, 4] as const;

export interface ShufflenetV2Options extends ImageClassifierOptions {
  /** "imagenet" unless given: a first convolution with stride 2, and max pooling. */
  readonly stem?: Stem;
}

/** Where PyTorch's convolutions start from when the reference says nothing else. */
const init = lecunUniform();

/**
 * ShuffleNetV2 (Ma et al., 2018, arXiv:1807.11164), torchvision's: with 1,000 classes 1,366,792 parameters (x0.5), 2,278,604 (x1.0),
 * 3,503,624 (x1.5) and 7,393,996 (x2.0). Hints: stage1 (the stem), stage2 to stage4 as in the paper, pooled.
 */
export function shufflenetV2(variant: keyof typeof shufflenetV2Variants, { stem = "imagenet", ...options }: ShufflenetV2Options): Graph {
  const [first, ...stages] = shufflenetV2Variants[variant];
  const last = stages.pop() as number;
  return imageClassifier(variant, options, (network, input) => {
    const { g, tap } = network;
    let x = convNorm(network, "conv1", input, first, 3, { stride: stem === "imagenet" ? 2 : 1, activation: relu, init });
    if (stem === "imagenet") x = g.maxPool(x, [3, 3], { stride: 2, padding: 1 });
    tap("stage1", x);
    for (const [stage, channels] of stages.entries()) {
      const name = `stage${stage + 2}`;
      for (let index = 0; index < (repeats[stage] as number); index++) {
        x = g.scope(name, () => g.scope(`${index}`, () => unit(network, x, channels, index === 0 ? 2 : 1)));
      }
      tap(name, x);
    }
    return dense(network, "fc", pooled(network, convNorm(network, "conv5", x, last, 1, { activation: relu, init })), options.classes);
  });
}

/** Two branches, joined and shuffled: at stride 1 half of the channels pass unchanged, at stride 2 both branches see all of them. */
function unit(network: Network, x: Value, channels: number, stride: number): Value {
  const { g } = network;
  const half = channels / 2;
  const layer = (index: number, y: Value, filters: number, kernel: number, options?: ConvOptions): Value =>
    norm(network, `${index + 1}`, conv(network, `${index}`, y, filters, kernel, { init, ...options }));
  const depthwise = (index: number, y: Value): Value => layer(index, y, Number(y.shape[1]), 3, { stride, groups: Number(y.shape[1]) });
  const [kept, changed] = stride === 1 ? (g.split(x, [half, half], 1) as [Value, Value]) : [x, x];
  const first = stride === 1 ? kept : g.scope("branch1", () => g.relu(layer(2, depthwise(0, kept), half, 1)));
  const second = g.scope("branch2", () => g.relu(layer(5, depthwise(3, g.relu(layer(0, changed, half, 1))), half, 1)));
  return shuffle(network, g.concat([first, second], 1));
}

/** Interleaves the two halves of the channels of x [N, C, H, W]. */
function shuffle({ g }: Network, x: Value): Value {
  const [batch, channels, height, width] = x.shape as [string, number, number, number];
  const halves = g.reshape(x, [batch, 2, channels / 2, height, width]);
  return g.reshape(g.transpose(halves, [0, 2, 1, 3, 4]), x.shape);
}
