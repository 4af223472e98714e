import { describe, expect, test } from "vitest";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { type PairMap, type PairRecipe, resolvePairs, type Tapped } from "./pairs.ts";
import { listTaps } from "./taps.ts";

const tapped = (channels: readonly number[], role: string): Tapped => ({
  taps: listTaps(smallCnn({ inputShape: [1, 16, 16], classes: 4, channels, depth: 1, seed: 0 })),
  role,
});
const [student, teacher] = [tapped([2, 4], "student"), tapped([3, 6, 9], "teacher")];
const shapes = (written: readonly PairRecipe[] | PairMap | undefined, pairs: "stages" | "middle" | "last" | "blocks" = "stages") =>
  resolvePairs(written, { pairs }, student, teacher).map((pair) => [pair.student.shape[1], pair.teacher.shape[1]]);

describe("what a loss compares", () => {
  test("is every stage from the last on backwards, the middle one, or the last, unless the recipe says", () => {
    expect(shapes(undefined)).toEqual([
      [2, 6],
      [4, 9],
    ]);
    expect(shapes(undefined, "middle")).toEqual([[2, 6]]);
    expect(shapes(undefined, "last")).toEqual([[4, 9]]);
  });

  test("is put together evenly, or from the last on, where the recipe says so", () => {
    const of = (channels: readonly number[], role = "network") => tapped(channels, role);
    const channels = (map: PairMap, ours: number[], theirs: number[]) =>
      resolvePairs(map, { pairs: "stages" }, of(ours), of(theirs)).map((pair) => [pair.student.shape[1], pair.teacher.shape[1]]);
    const [two, four, three] = [
      [2, 4],
      [3, 5, 6, 7],
      [8, 9, 10],
    ] as [number[], number[], number[]];
    expect(channels("uniform", two, four)).toEqual([
      [2, 5],
      [4, 7],
    ]);
    expect(channels("last", two, four)).toEqual([
      [2, 6],
      [4, 7],
    ]);
    expect(channels("uniform", four, two)).toEqual([
      [5, 2],
      [7, 4],
    ]);
    expect(channels("uniform", two, three)).toEqual([
      [2, 9],
      [4, 10],
    ]);
    expect(channels("uniform", four, three)).toEqual([
      [3, 8],
      [6, 9],
      [7, 10],
    ]);
    expect(() => shapes("uniform", "last")).toThrow('"uniform" puts series of stages, blocks or attentions together');
  });

  test("is named by alias, tensor, node or pattern, for both networks or for each", () => {
    expect(shapes(["stage1", ["stage1", "stage3"]])).toEqual([
      [2, 3],
      [2, 9],
    ]);
    const tensor = student.taps.find(({ aliases }) => aliases.includes("stage2"));
    expect(shapes([[tensor?.name as string, "last"]])).toEqual([[4, 9]]);
    expect(shapes([[tensor?.node as string, "last"]])).toEqual([[4, 9]]);
    expect(shapes([["stage2/*/Relu", "stage3/*/Relu"]])).toEqual([[4, 9]]);
  });

  test.each<[PairRecipe[] | undefined, "stages" | "blocks", RegExp]>([
    [["stage3"], "stages", /^The student has no value named "stage3"\./],
    [[["stage1", "stage9"]], "stages", /^The teacher has no value named "stage9"\./],
    [[["stage*/unit1/Relu", "stage*/unit1/Relu"]], "stages", /is 2 values of the student, .* is 3 of the teacher\./],
    [undefined, "blocks", /^The student has no block that could be told\./],
  ])("%j of %s is refused by name", (written, pairs, message) => {
    expect(() => shapes(written, pairs)).toThrow(message);
  });
});
