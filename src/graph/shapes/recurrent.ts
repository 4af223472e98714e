import { intAttribute, stringAttribute } from "../attributes.ts";
import type { Dim } from "../graph.ts";
import { invalid, required, type ShapeRule } from "./rule.ts";

/**
 * x [T, N, input], weights [directions, gates·hidden, input]: every step's state [T, directions, N, hidden], then the last one's
 * [directions, N, hidden], for an LSTM of the cell too. With `layout` 1 the batch comes first.
 */
const recurrent =
  (gates: number, states: number): ShapeRule =>
  (context) => {
    const [x, w, r] = [required(context, 0), required(context, 1), required(context, 2)];
    const direction = stringAttribute(context.node, "direction", "forward");
    if (!["forward", "reverse", "bidirectional"].includes(direction)) throw invalid(context, `"${direction}" is no direction`);
    const directions = direction === "bidirectional" ? 2 : 1;
    const hidden = intAttribute(context.node, "hidden_size", Number(r.shape[2]));
    if (x.shape.length !== 3 || w.shape.length !== 3 || r.shape.length !== 3) throw invalid(context, "input and weights must have rank 3");
    if (!Number.isSafeInteger(hidden) || hidden < 1) throw invalid(context, "the hidden size must be known");
    const fits = (shape: readonly Dim[], expected: readonly (Dim | undefined)[]) =>
      shape.every((size, axis) => typeof size === "string" || typeof expected[axis] !== "number" || size === expected[axis]);
    if (!fits(w.shape, [directions, gates * hidden, x.shape[2]]) || !fits(r.shape, [directions, gates * hidden, hidden]))
      throw invalid(context, `the weights do not fit ${directions} × ${gates} gates of ${hidden}`);
    const isBatchFirst = intAttribute(context.node, "layout", 0) === 1;
    const [steps, batch] = (isBatchFirst ? [x.shape[1], x.shape[0]] : [x.shape[0], x.shape[1]]) as [Dim, Dim];
    const last = { type: x.type, shape: isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden] };
    const every = { type: x.type, shape: isBatchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden] };
    return [every, ...new Array<typeof last>(states).fill(last)];
  };

export const recurrentShapes: Readonly<Record<string, ShapeRule>> = { LSTM: recurrent(4, 2), GRU: recurrent(3, 1), RNN: recurrent(1, 1) };
