import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { formatShape, type Value } from "../graph/graph.ts";

/** A number or scalar, or [B, 1]: one of each sample. Positive. */
export type Temperature = number | Value;

/** @throws LimbeckError when a loss on logits is asked for on something else than [batch, classes], or on logits of different classes. */
export function requireLogits(loss: string, ...values: readonly Value[]): void {
  const [first] = values;
  for (const value of values) {
    if (value.shape.length !== 2) {
      throw new LimbeckError(`${loss} is taken of logits [batch, classes], but "${value.name}" is ${formatShape(value.shape)}.`);
    }
    if (first && value.shape[1] !== first.shape[1]) {
      throw new LimbeckError(
        `${loss} compares logits of the same classes, but "${first.name}" is ${formatShape(first.shape)} and "${value.name}" is ${formatShape(value.shape)}.`,
        { hint: "Student and teacher must tell the same classes apart, in the same order." },
      );
    }
  }
}

/** log softmax(logits/T), [B, C]. */
export function logProbabilities(g: GraphBuilder, logits: Value, temperature: Temperature): Value {
  return g.logSoftmax(g.div(logits, temperature));
}

/** KL(p ‖ q) = Σ over classes of p·(log p − log q), in nats. @returns [B] */
export function divergence(g: GraphBuilder, logP: Value, logQ: Value): Value {
  return g.reduceSum(g.mul(g.exp(logP), g.sub(logP, logQ)), { axes: [1] });
}

/** T² times what each sample has. @param losses [B] */
export function timesSquare(g: GraphBuilder, losses: Value, temperature: Temperature): Value {
  if (typeof temperature === "number") return g.mul(losses, temperature ** 2);
  const square = g.mul(temperature, temperature);
  return g.mul(losses, square.shape.length === 2 ? g.squeeze(square, [1]) : square);
}

/** Labels [B] as rows that are 1 at the label's class and 0 elsewhere, of the logits' shape and type. */
export function targets(g: GraphBuilder, labels: Value, logits: Value): Value {
  return g.cast(g.oneHot(labels, Number(logits.shape[1])), logits.type);
}
