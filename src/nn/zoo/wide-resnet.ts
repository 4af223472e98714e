import type { Graph, Value } from "../../graph/graph.ts";
import { constantInit } from "../initializers.ts";
import type { Network } from "../layers.ts";
import { conv, dense, dropped, type ImageClassifierOptions, imageClassifier, norm, pooled } from "../torch-layers.ts";

/** Depth 6n + 4 and widening factor. */
export const wideResnetVariants = {
  "wrn-16-1": { depth: 16, widen: 1 },
  "wrn-16-2": { depth: 16, widen: 2 },
  "wrn-40-1": { depth: 40, widen: 1 },
  "wrn-40-2": { depth: 40, widen: 2 },
  "wrn-28-10": { depth: 28, widen: 10 },
} as const;

export interface WideResnetOptions extends ImageClassifierOptions {
  /** Probability of zeroing a feature between the two convolutions of a block, while training; 0 unless given. */
  readonly dropout?: number;
}

/**
 * Wide ResNet for small images (Zagoruyko and Komodakis, 2016, arXiv:1605.07146), pre-activation blocks, with RepDistiller's names. With
 * 100 classes wrn-16-2 has 703,284 parameters, wrn-40-1 569,780 and wrn-40-2 2,255,156; wrn-28-10 has 36.5 million. Hints: stage1 to stage3
 * (the last after its normalisation and ReLU), pooled.
 */
export function wideResnet(variant: keyof typeof wideResnetVariants, { dropout = 0, ...options }: WideResnetOptions): Graph {
  const { depth, widen } = wideResnetVariants[variant];
  const blocksPerStage = (depth - 4) / 6;
  return imageClassifier(variant, options, (network, input) => {
    const { g, tap } = network;
    let x = conv(network, "conv1", input, 16, 3);
    for (const [stage, channels] of [16, 32, 64].entries()) {
      for (let index = 0; index < blocksPerStage; index++) {
        const stride = stage > 0 && index === 0 ? 2 : 1;
        const next = () => block(network, x, channels * widen, stride, dropout);
        x = g.scope(`block${stage + 1}`, () => g.scope("layer", () => g.scope(`${index}`, next)));
      }
      if (stage < 2) tap(`stage${stage + 1}`, x);
    }
    x = tap("stage3", g.relu(norm(network, "bn1", x)));
    return dense(network, "fc", pooled(network, x), options.classes, { biasInit: constantInit(0) });
  });
}

function block(network: Network, x: Value, filters: number, stride: number, dropout: number): Value {
  const { g } = network;
  const active = g.relu(norm(network, "bn1", x));
  const y = g.relu(norm(network, "bn2", conv(network, "conv1", active, filters, 3, { stride })));
  const z = conv(network, "conv2", dropped(network, y, dropout), filters, 3);
  const shortcut = x.shape[1] === filters ? x : conv(network, "convShortcut", active, filters, 1, { stride });
  return g.add(z, shortcut);
}
