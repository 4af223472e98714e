import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { explain, LimbeckError } from "../../errors.ts";
import type { Samples } from "../samples.ts";
import { openCifar } from "./cifar.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "limbeck-cifar-"));
});
afterEach(() => rm(root, { recursive: true }));

/** Images whose red is their number, whose green is 100 and whose blue is 200, each behind its labels. */
function records(...labels: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(
    labels.flatMap((of, number) => [...of, ...[number, 100, 200].flatMap((value) => Array.from({ length: 32 * 32 }, () => value))]),
  );
}

async function write(files: Record<string, Uint8Array | string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(root, name), content);
}

const ten = {
  ...Object.fromEntries([1, 2, 3, 4, 5].map((batch) => [`data_batch_${batch}.bin`, records([batch % 3], [0])])),
  "test_batch.bin": records([2]),
  "batches.meta.txt": "airplane\nautomobile\nbird\n\n",
};
const hundred = {
  "train.bin": records([1, 2], [0, 1]),
  "test.bin": records([1, 0]),
  "fine_label_names.txt": "apple\r\nbear\r\nbee\r\n",
  "coarse_label_names.txt": "fruit\nanimals\n",
};

const labels = (samples: Samples) => Array.from({ length: samples.length }, (_, index) => samples.label(index));
const complaint = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error) => (error instanceof LimbeckError ? explain(error) : String(error)),
  );

describe("CIFAR in binary files", () => {
  it("has five batches and a test batch of ten classes", async () => {
    await write(ten);
    const { train, test } = await openCifar(".", { relativeTo: root });
    expect([train.name, train.classes, train.sampleShape]).toEqual([". (train)", ["airplane", "automobile", "bird"], [3, 32, 32]]);
    expect([labels(train), labels(test)]).toEqual([[1, 0, 2, 0, 0, 0, 1, 0, 2, 0], [2]]);
    const out = new Float32Array(3 * 32 * 32);
    train.read(3, out);
    expect([out[0], out[1023], out[1024], out[2048]].map((value) => (value as number) * 255).map(Math.round)).toEqual([1, 1, 100, 200]);
    expect(train.bytes?.(0).buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it("has one file for each split of a hundred classes, or of their superclasses", async () => {
    await write(hundred);
    const fine = await openCifar(root, { relativeTo: "/" });
    expect([labels(fine.train), labels(fine.test), fine.train.classes]).toEqual([[2, 1], [0], ["apple", "bear", "bee"]]);
    const coarse = await openCifar(root, { relativeTo: "/", coarse: true });
    expect([labels(coarse.train), labels(coarse.test), coarse.test.classes]).toEqual([[1, 0], [1], ["fruit", "animals"]]);
  });

  it.each([
    [
      "an empty directory",
      {},
      /^There is neither a test_batch\.bin nor a test\.bin\. \(in .*\) — Give the directory of the binary version/,
    ],
    ["a missing batch", { ...ten, "data_batch_4.bin": undefined }, /^There is no such file\. \(in .*data_batch_4\.bin\)/],
    ["missing names", { ...ten, "batches.meta.txt": undefined }, /^There is no such file\. \(in .*batches\.meta\.txt\)/],
    [
      "a file cut short",
      { ...ten, "data_batch_4.bin": records([1]).subarray(1) },
      /^The file has 3072 bytes, which is no number of images of 3073 bytes/,
    ],
    ["an empty file", { ...hundred, "train.bin": "" }, /^The file has 0 bytes/],
    ["a label without a name", { ...ten, "test_batch.bin": records([3]) }, /^Sample 0 has label 3, but the classes are 0 to 2/],
  ])("is refused for %s", async (_, files, message) => {
    await write(Object.fromEntries(Object.entries(files).filter(([, content]) => content !== undefined)) as typeof ten);
    expect(await complaint(openCifar(root, { relativeTo: root }))).toMatch(message);
  });

  it("of ten classes has no superclasses", async () => {
    await write(ten);
    expect(await complaint(openCifar(root, { relativeTo: root, coarse: true }))).toMatch(/^CIFAR-10 has no superclasses\./);
  });
});
