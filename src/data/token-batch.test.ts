import { expect, it } from "vitest";
import { int64 } from "../graph/tensor.ts";
import { tokenBatch } from "./token-batch.ts";

const encodings = [
  { ids: Int32Array.of(2, 7, 3), typeIds: Int32Array.of(0, 0, 0) },
  { ids: Int32Array.of(2, 8, 3, 9, 3), typeIds: Int32Array.of(0, 0, 0, 1, 1) },
];

it("pads to the longest", () => {
  expect(tokenBatch(encodings, { pad: 6 })).toEqual({
    input_ids: int64([2, 7, 3, 6, 6, 2, 8, 3, 9, 3], [2, 5]),
    attention_mask: int64([1, 1, 1, 0, 0, 1, 1, 1, 1, 1], [2, 5]),
    token_type_ids: int64([0, 0, 0, 0, 0, 0, 0, 0, 1, 1], [2, 5]),
  });
});

it("pads and cuts to a length", () => {
  const { input_ids, attention_mask } = tokenBatch(encodings, { length: 4 });
  expect([input_ids, attention_mask]).toEqual([int64([2, 7, 3, 0, 2, 8, 3, 9], [2, 4]), int64([1, 1, 1, 0, 1, 1, 1, 1], [2, 4])]);
});
