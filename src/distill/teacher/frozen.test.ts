import { expect, test } from "vitest";
import { inferShapes } from "../../graph/rewrite/infer.ts";
import { runGraph } from "../../graph/run.fixture.ts";
import { int64 } from "../../graph/tensor.ts";
import { bertClassifier } from "../../nn/zoo/bert.ts";
import { frozen } from "./frozen.ts";

test("of BERT's last layer, only the token that is classified is computed", async () => {
  const size = { layers: 2, hidden: 8, heads: 2, intermediate: 16 };
  const graph = bertClassifier(size, { classes: 3, seed: 0, vocabulary: 10, positions: 6 });
  const ids = (...numbers: number[]) => int64(numbers, [2, 3]);
  const feeds = { input_ids: ids(1, 2, 3, 4, 5, 6), attention_mask: ids(1, 1, 1, 1, 1, 0), token_type_ids: ids(0, 0, 1, 0, 1, 1) };
  const rewritten = frozen(graph);
  const [expected, given] = [await runGraph(graph, feeds), await runGraph(rewritten, feeds)];
  Array.from(expected.logits?.data as Float32Array).forEach((logit, index) => {
    expect(given.logits?.data[index]).toBeCloseTo(logit, 6);
  });
  const values = inferShapes(rewritten);
  const rows = rewritten.nodes.flatMap(({ op, inputs: [a = ""] }) => (op === "MatMul" ? [values.get(a)?.shape.slice(0, -1)] : []));
  // The second layer's query, key and value, attention's two products, its output, and the two linear layers after it.
  const head = ["N", 2, 1];
  const token = ["N", 1];
  expect(rows.slice(8)).toEqual([token, ["N", "S"], ["N", "S"], head, head, token, token, token]);
});
