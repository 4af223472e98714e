import { expect, it } from "vitest";
import { memorySamples } from "../data/samples.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { initializerRoles } from "../graph/weights.ts";
import { writeSafetensors } from "../nn/safetensors.ts";
import { toNetwork } from "./network.ts";
import type { NetworkRecipe } from "./recipe/schema.ts";

const samples = memorySamples({
  name: "noise",
  sampleShape: [1, 16, 16],
  classes: ["a", "b", "c"],
  pixels: new Uint8Array(256),
  labels: Uint8Array.of(0),
});
const noFile = async (path: string): Promise<Uint8Array> => {
  throw new Error(`${path} is read`);
};
const build = (recipe: NetworkRecipe, seed = 0) => toNetwork(recipe, samples, seed, noFile);

it("a network of the zoo takes the data's images and tells the data's classes apart", async () => {
  for (const recipe of [{ zoo: "resnet8" }, { zoo: "mobilenet-v3-small", width: 0.25, stem: "cifar", classes: 3 }] as const) {
    const { inputs, outputs } = await build(recipe);
    expect(inputs.map(({ shape }) => shape)).toEqual([["N", 1, 16, 16]]);
    expect(outputs).toEqual([{ name: "logits", type: "float32", shape: ["N", 3] }]);
  }
});

it("options reach the network, and its own seed comes before the recipe's", async () => {
  const bytes = async (recipe: NetworkRecipe, seed?: number) => Buffer.from(writeOnnx(await build(recipe, seed)));
  expect((await bytes({ zoo: "resnet8", seed: 5 })).equals(await bytes({ zoo: "resnet8" }, 5))).toBe(true);
  expect((await bytes({ zoo: "resnet8", seed: 5 }, 5)).equals(await bytes({ zoo: "resnet8" }, 4))).toBe(false);
  const narrow = await build({ zoo: "vgg8", width: 0.125 });
  expect(narrow.initializers.get("block0.0.weight")?.shape).toEqual([8, 1, 3, 3]);
  expect(initializerRoles(narrow).parameters).toContain("classifier.bias");
});

it("classes that are not the data's are a mistake, and so is a network that takes no such samples", async () => {
  await expect(build({ zoo: "resnet8", classes: 10 })).rejects.toThrow("The model tells 10 classes apart, but the data has 3.");
  const flat = { ...samples, sampleShape: [256] };
  await expect(toNetwork({ zoo: "resnet8" }, flat, 0, noFile)).rejects.toThrow("resnet8 takes images");
});

it("starts from the weights of a file, but for what is ignored", async () => {
  const trained = await build({ zoo: "resnet8" }, 1);
  const stored = new Map([...trained.initializers].filter(([name]) => !name.startsWith("fc.")));
  const readFile = async () => writeSafetensors(stored);
  const weights = { file: "resnet8.safetensors", ignore: ["fc.*"] };
  const fresh = await toNetwork({ zoo: "resnet8", weights }, samples, 2, readFile);
  expect(fresh.initializers.get("conv1.weight")).toEqual(trained.initializers.get("conv1.weight"));
  expect(fresh.initializers.get("fc.weight")).toEqual((await build({ zoo: "resnet8" }, 2)).initializers.get("fc.weight"));
  const complaint = toNetwork({ zoo: "resnet8", weights: { ...weights, ignore: [] } }, samples, 2, readFile);
  await expect(complaint).rejects.toThrow("missing fc.weight");
});
