import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { readOnnx } from "../graph/onnx/read.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { elementCount, float32, int64, type Tensor } from "../graph/tensor.ts";
import { initializerRoles } from "../graph/weights.ts";
import { bertClassifier } from "../nn/zoo/bert.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import { vit } from "../nn/zoo/vit.ts";
import { randomFor } from "../random.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { type KeptLayers, keepLayers } from "./keep-layers.ts";
import { listTaps } from "./taps.ts";

const text = { vocabulary: 20, positions: 8, classes: 3, seed: 5, maskedLm: true };
const bertOf = (layers: number): Graph => bertClassifier({ layers, hidden: 8, heads: 2, intermediate: 12 }, text);
const vitOf = (depth: number): Graph => vit({ depth, width: 8, heads: 2 }, { inputShape: [1, 8, 8], patch: 4, classes: 3, seed: 5 });
const weightNames = (graph: Graph): string[] => [...graph.initializers.keys()].filter((name) => /weight|bias|embed|cls/.test(name)).sort();

const weightsOf = (graph: Graph): number =>
  initializerRoles(graph).parameters.reduce((total, name) => total + elementCount(graph.initializers.get(name)?.shape ?? []), 0);

/** The outputs on made-up inputs. */
async function answersOf(graph: Graph): Promise<Record<string, Tensor>> {
  const random = randomFor(3);
  const sizes: Readonly<Record<string, number>> = { N: 2, S: 5 };
  const feeds = graph.inputs.map(({ name, type, shape }) => {
    const all = shape.map((size) => (typeof size === "number" ? size : (sizes[size] ?? 4)));
    const data = Array.from({ length: all.reduce((a, b) => a * b) }, () => random.normal());
    return [
      name,
      type === "int64"
        ? int64(
            data.map((value) => (value > 0 ? 1 : 0)),
            all,
          )
        : float32(data, all),
    ] as const;
  });
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(graph));
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return results;
}

/** A network of fewer layers with weights of another, by numbers. */
function withWeightsOf(small: Graph, large: Graph, kept: readonly number[]): Graph {
  const from = (name: string) => name.replace(/(layer|blocks)\.(\d+)\./, (_, what, place) => `${what}.${kept[Number(place)]}.`);
  return {
    ...small,
    initializers: new Map([...small.initializers].map(([name, own]) => [name, large.initializers.get(from(name)) ?? own])),
  };
}

describe("a network with some of its layers", () => {
  it.each([
    ["BERT", bertOf, [1, 3]],
    ["BERT without its last layers", bertOf, [0, 1]],
    ["BERT of one layer", bertOf, [2]],
    ["ViT", vitOf, [0, 2]],
    ["ViT without its first", vitOf, [1, 2, 3]],
  ] as const)("is the smaller one with their weights: %s", async (_, build, kept) => {
    const found = keepLayers(build(4), kept, "teacher.onnx");
    const expected = canonicalize(withWeightsOf(build(kept.length), build(4), kept));
    expect(weightNames(found)).toEqual(weightNames(expected));
    expect(await answersOf(found)).toEqual(await answersOf(expected));
    const aliases = (graph: Graph) => listTaps(graph).flatMap((tap) => tap.aliases.map((alias) => [alias, tap.name]));
    expect(aliases(found)).toEqual(aliases(expected));
  });

  it("is the network itself with all of them", async () => {
    const graph = bertOf(3);
    expect(await answersOf(keepLayers(graph, { first: 3 }, ""))).toEqual(await answersOf(graph));
  });

  it.each<[KeptLayers, number, number[]]>([
    ["everySecond", 4, [1, 3]],
    ["everySecond", 5, [1, 3]],
    [{ uniform: 2 }, 4, [1, 3]],
    [{ uniform: 2 }, 5, [2, 4]],
    [{ uniform: 3 }, 4, [0, 2, 3]],
    [{ first: 2 }, 4, [0, 1]],
    [{ last: 2 }, 4, [2, 3]],
  ])("%j of %i are %j", async (layers, count, numbers) => {
    const graph = bertOf(count);
    expect(keepLayers(graph, layers, "").initializers).toEqual(keepLayers(graph, numbers, "").initializers);
  });

  it.each(["vit", "bert", "distilbert", "electra", "roberta"])("can be had of an exported %s", async (name) => {
    const path = new URL(`../../test/golden/models/${name}.onnx`, import.meta.url);
    const graph = canonicalize(readOnnx(readFileSync(path), name));
    const count = listTaps(graph).filter(({ aliases }) => aliases.some((alias) => /^block\d+$/.test(alias))).length;
    expect(await answersOf(keepLayers(graph, { last: count }, name))).toEqual(await answersOf(graph));
    const half = keepLayers(graph, { last: 1 }, name);
    // Each layer has as much: nothing is left of the first, and nothing missing of the last.
    expect([count, weightsOf(half)]).toEqual([2, weightsOf(keepLayers(graph, { first: 1 }, name))]);
    expect(weightsOf(half)).toBeLessThan(weightsOf(graph));
    const [answer] = Object.values(await answersOf(half)) as [Tensor];
    expect(Array.from(answer.data as Float32Array).every(Number.isFinite)).toBe(true);
  });

  it.each<[string, Graph, KeptLayers, RegExp]>([
    ["a network without layers", mlp({ inputShape: [4], hidden: [4], classes: 2, seed: 0 }), [0], /can't be told/],
    ["a layer that isn't there", bertOf(2), [0, 2], /there is no layer 2/],
    ["another order", bertOf(2), [1, 0], /ascending order/],
    ["a layer twice", bertOf(2), [1, 1], /ascending order/],
    ["more than there are", bertOf(2), { uniform: 3 }, /it has 2, of which 3/],
    ["none", bertOf(1), "everySecond", /of which 0/],
  ])("is refused: %s", (_, graph, layers, message) => {
    expect(() => keepLayers(graph, layers, "teacher.onnx")).toThrow(message);
    expect(() => keepLayers(graph, layers, "teacher.onnx")).toThrow(LimbeckError);
  });
});
