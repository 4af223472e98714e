import { graphBuilder } from "../../graph/builder/builder.ts";
import { inlineGraph } from "../../graph/builder/inline.ts";
import type { Graph } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { canonicalize } from "../../graph/rewrite/canonicalize.ts";
import { foldConstants } from "../../graph/rewrite/fold.ts";
import { batchNormAsConv } from "../../graph/rewrite/fuse/batch-norm.ts";
import { narrow } from "../../graph/rewrite/fuse/narrow.ts";
import { quantizable, quantize } from "../../graph/rewrite/quantize.ts";
import type { Range } from "../../graph/rewrite/quantize-tensors.ts";
import type { Feeds, Runtime, SessionOptions } from "../../runtime/runtime.ts";
import type { Predictions } from "../../train/evaluation.ts";

type Batches = AsyncIterable<Feeds> | Iterable<Feeds>;

/**
 * A network in int8, calibrated on some batches of its inputs.
 *
 * @throws LimbeckError when the network can't be brought into canonical form, or what it computes isn't finite.
 */
export async function inInt8(runtime: Runtime, network: Graph, batches: Batches, options?: SessionOptions): Promise<Graph> {
  const graph = narrow(batchNormAsConv(foldConstants(canonicalize(network))));
  return quantize(graph, await calibrate(runtime, graph, batches, options));
}

/**
 * The ranges of what `quantize` holds in 8 bits: smallest and largest number of each batch, averaged over the batches, so that a single
 * outlier doesn't cost everything else its resolution.
 */
async function calibrate(runtime: Runtime, graph: Graph, batches: Batches, options?: SessionOptions): Promise<ReadonlyMap<string, Range>> {
  const names = quantizable(graph);
  const session = await runtime.createSession(writeOnnx(observed(graph, names)), options);
  try {
    const sums = names.map(() => ({ min: 0, max: 0 }));
    let count = 0;
    for await (const feeds of batches) {
      const seen = await session.run(feeds);
      names.forEach((_, index) => {
        const sum = sums[index] as { min: number; max: number };
        sum.min += Number(seen[`min:${index}`]?.data[0]);
        sum.max += Number(seen[`max:${index}`]?.data[0]);
      });
      count++;
    }
    return new Map(names.map((name, index) => [name, { min: (sums[index]?.min ?? 0) / count, max: (sums[index]?.max ?? 0) / count }]));
  } finally {
    await session.release();
  }
}

/** The graph with smallest and largest element of each of these values as its outputs. */
function observed(graph: Graph, names: readonly string[]): Graph {
  const g = graphBuilder(graph.name);
  const bind = new Map(graph.inputs.map(({ name, type, shape }) => [name, g.input(name, type, shape)]));
  const values = inlineGraph(g, graph, { bind });
  for (const [index, name] of names.entries()) {
    const value = values.get(name);
    if (!value) continue;
    g.output(g.reduceMin(value), `min:${index}`);
    g.output(g.reduceMax(value), `max:${index}`);
  }
  return g.build();
}

/** How near a network in int8 is to the same network in float32, on the same samples. */
export interface Fidelity {
  /** Share of samples that get the same class. */
  readonly agreement: number;
  /** Mean KL(float32 ‖ int8) of their probabilities, in nats. */
  readonly divergence: number;
}

export function fidelity(exact: Predictions, rounded: Predictions): Fidelity {
  const { classes } = exact;
  const samples = exact.labels.length;
  let same = 0;
  let divergence = 0;
  for (let sample = 0; sample < samples; sample++) {
    const [p, q] = [exact, rounded].map(({ logits }) => logits.subarray(sample * classes, (sample + 1) * classes)) as [
      Float32Array,
      Float32Array,
    ];
    if (p.indexOf(Math.max(...p)) === q.indexOf(Math.max(...q))) same++;
    const [logP, logQ] = [logSoftmax(p), logSoftmax(q)];
    divergence += logP.reduce((sum, value, index) => sum + Math.exp(value) * (value - (logQ[index] as number)), 0);
  }
  return { agreement: same / samples, divergence: divergence / samples };
}

export function describeFidelity({ agreement, divergence }: Fidelity, samples: number): string {
  const share = (100 * agreement).toFixed(2);
  return `The teacher in int8 gives ${share} % of ${samples.toLocaleString("en")} validation samples the class it gives in float32 (KL ${divergence.toPrecision(2)} nats)`;
}

function logSoftmax(logits: Float32Array): number[] {
  const highest = Math.max(...logits);
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
  return Array.from(logits, (logit) => logit - highest - total);
}
