import { LimbeckError } from "../errors.ts";
import { formatShape, type Value } from "../graph/graph.ts";

/** @throws LimbeckError when a loss on logits is asked for on something else than [batch, classes]. */
export function requireLogits(loss: string, value: Value): void {
  if (value.shape.length !== 2) {
    throw new LimbeckError(`${loss} is taken of logits [batch, classes], but "${value.name}" is ${formatShape(value.shape)}.`);
  }
}
