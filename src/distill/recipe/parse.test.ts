import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LimbeckError } from "../../errors.ts";
import { lossTable } from "../../losses/table.ts";
import { networkNames } from "./networks.ts";
import { parseRecipe } from "./parse.ts";
import type { RecipeInput } from "./schema.ts";

const minimal = {
  data: { idx: "mnist" },
  student: { zoo: "mlp" },
  optimizer: { sgd: { learningRate: 0.1 } },
  epochs: 3,
} satisfies RecipeInput;

const positive = fc.double({ min: 1e-6, max: 100, noNaN: true });
const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const below1 = fc.double({ min: 0, max: 0.99, noNaN: true });
const count = fc.integer({ min: 1, max: 1000 });
const optional = { requiredKeys: [] };

const schedule = fc.oneof(
  positive,
  fc.record({ steps: fc.dictionary(fc.nat(50).map(String), positive).map((steps) => ({ ...steps, 0: 1 })) }),
  fc.record({ constant: fc.record({ value: positive, warmup: fraction }, { requiredKeys: ["value"] }) }),
  fc.record({ linear: fc.record({ from: positive, to: positive, warmup: fraction }, { requiredKeys: ["from", "to"] }) }),
  fc.record({ exponential: fc.record({ from: positive, to: positive, warmup: fraction }, { requiredKeys: ["from", "to"] }) }),
  fc.record({ cosine: fc.record({ from: positive, to: positive, warmup: fraction }, { requiredKeys: ["from"] }) }),
  fc.record({ stepDecay: fc.record({ from: positive, at: fc.array(count, { minLength: 1, maxLength: 3 }), factor: positive }) }),
  fc.record({ oneCycle: fc.record({ peak: positive, rise: fraction, divisor: positive }, { requiredKeys: ["peak"] }) }),
);
const loss = fc.oneof(
  fc.record({ crossEntropy: fc.record({ weight: schedule, labelSmoothing: below1 }, optional) }),
  fc.record({ kd: fc.record({ weight: schedule, temperature: schedule }, optional) }),
  fc.record({ hinton: fc.record({ temperature: schedule, alpha: fraction }, optional) }),
);
const augmentation = fc.oneof(
  fc.record({ shift: count }),
  fc.record({ rotate: positive }),
  fc.record({
    affine: fc.record({ rotate: positive, scale: fc.tuple(positive, positive), shear: positive, translate: positive }, optional),
  }),
  fc.record({ elastic: fc.record({ alpha: positive, sigma: positive }) }),
  fc.constantFrom(
    { flip: true },
    { trivialAugment: true },
    { randAugment: {} },
    { apply: { probability: 0.5, transforms: [{ shift: 1 }] } },
  ),
  fc.record({ crop: fc.record({ padding: count, mode: fc.constantFrom("zero", "reflect") }, { requiredKeys: ["padding"] }) }),
  fc.record({ colorJitter: fc.record({ brightness: positive, contrast: positive, saturation: positive }, optional) }),
  fc.record({ erasing: fc.record({ probability: fraction, value: fc.oneof(fraction, fc.constant("noise")) }, optional) }),
);
const network = fc.oneof(
  fc.constant("model.onnx"),
  fc.record(
    { zoo: fc.constant("mlp"), hidden: fc.array(count), dropout: fc.record({ input: below1, hidden: below1 }, optional) },
    { requiredKeys: ["zoo"] },
  ),
  fc.record({ zoo: fc.constant("lenet"), seed: fc.integer() }, { requiredKeys: ["zoo"] }),
  fc.record(
    { zoo: fc.constant("small-cnn"), channels: fc.array(count, { minLength: 1 }), depth: count, dropout: below1 },
    { requiredKeys: ["zoo"] },
  ),
  fc.record(
    { zoo: fc.constantFrom("mobilenet-v2", "mobilenet-v3-small", "efficientnet-b0"), classes: count, width: positive, dropout: below1 },
    { requiredKeys: ["zoo"] },
  ),
  fc.record({ zoo: fc.constantFrom("resnet20", "resnet50", "convnext-tiny"), stem: fc.constant("cifar") }, { requiredKeys: ["zoo"] }),
);
const recipe = fc.record(
  {
    name: fc.constantFrom("first", "a b", "x.y"),
    data: fc.oneof(
      fc.record(
        {
          idx: fc.constant("mnist"),
          validation: positive,
          exclude: fc.array(fc.nat(9)),
          augment: fc.array(augmentation, { maxLength: 3 }),
        },
        { requiredKeys: ["idx"] },
      ),
      fc.record(
        {
          parquet: fc.oneof(fc.constant("p"), fc.constant(["p"]), fc.constant({ train: "p", test: ["t"] })),
          size: fc.oneof(count, fc.tuple(count, count)),
          columns: fc.constant({ image: "i" }),
          channels: fc.constantFrom(1, 3),
          unreadable: fc.constant("skip"),
        },
        { requiredKeys: ["parquet", "size"] },
      ),
    ),
    teacher: fc.oneof(
      fc.constant("teacher.onnx"),
      fc.record({ average: fc.record({ decay: fraction }, optional) }),
      fc.record({ average: fc.record({ decay: fraction }, optional) }).map((average) => ["a.onnx", "b.onnx", average]),
    ),
    assistants: fc.array(network, { maxLength: 2 }),
    generations: fc.oneof(count, fc.record({ count, ensemble: fc.boolean() }, { requiredKeys: ["count"] })),
    mutual: fc.record(
      { peers: fc.array(network, { minLength: 1, maxLength: 3 }), weight: schedule, temperature: schedule },
      { requiredKeys: ["peers"] },
    ),
    snapshots: fc.array(count),
    student: network,
    losses: fc.array(loss, { minLength: 1, maxLength: 3 }),
    optimizer: fc.oneof(
      fc.record({
        sgd: fc.record({ learningRate: schedule, momentum: below1, nesterov: fc.boolean() }, { requiredKeys: ["learningRate"] }),
      }),
      fc.record({ adamw: fc.record({ learningRate: schedule, beta2: below1, weightDecay: positive }, { requiredKeys: ["learningRate"] }) }),
    ),
    epochs: count,
    seed: fc.integer(),
    average: fc.record({ decay: fraction }, optional),
    balance: fc.oneof(
      fc.constant({ uncertainty: {} }),
      fc.record({ gradientNorm: fc.record({ every: count, smoothing: below1 }, optional) }),
      fc.constant({ validation: { step: 1 } }),
    ),
    shares: fc.boolean(),
    frozen: fc.array(fc.string()),
    keep: fc.constantFrom("best", "last"),
    cache: fc.oneof(
      fc.boolean(),
      fc.record({ encoding: fc.constantFrom("float16" as const, { topK: 5 }), maxBytes: fc.constant(1e6) }, optional),
    ),
  },
  { requiredKeys: ["data", "student", "optimizer", "epochs"] },
);

test("a resolved recipe is a recipe that resolves to itself, also when it has been through JSON", () => {
  fc.assert(
    fc.property(recipe, (written) => {
      const resolved = parseRecipe(written);
      expect(parseRecipe(resolved)).toEqual(resolved);
      expect(JSON.stringify(parseRecipe(JSON.parse(JSON.stringify(resolved))))).toBe(JSON.stringify(resolved));
    }),
  );
});

test("data get the defaults of their source", () => {
  const common = { splitSeed: 0, exclude: [], augment: [] };
  const images = { channels: 3, fit: "cover", unreadable: "refuse", test: 0.1, memory: 1e9 };
  const data = (written: RecipeInput["data"]) => parseRecipe({ ...minimal, data: written }).data;
  expect(data({ cifar: "c", validation: 10 })).toEqual({ cifar: "c", validation: 10, ...common });
  expect(data({ imageFolder: "photos", size: [32, 48] })).toEqual({
    imageFolder: "photos",
    size: [32, 48],
    validation: 0.1,
    ...images,
    ...common,
  });
  const parquet = { train: ["a.parquet", "b.parquet"], test: "t.parquet" };
  expect(data({ parquet, size: 8, channels: 1, test: 20 })).toMatchObject({ parquet, ...images, channels: 1, test: 20 });
});

test("what is left out is filled in", () => {
  expect(parseRecipe({ ...minimal, losses: [{ kd: {} }], student: "small.onnx" })).toEqual({
    data: { idx: "mnist", validation: 5000, splitSeed: 0, exclude: [], augment: [] },
    combine: "mean",
    teacherClassifier: false,
    assistants: [],
    teacherPrecision: "float32",
    student: { zoo: "onnx", file: "small.onnx" },
    losses: [{ kd: { weight: 1, temperature: 4, standardize: false } }],
    optimizer: { sgd: { learningRate: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0 } },
    epochs: 3,
    batchSize: 128,
    seed: 0,
    frozen: [],
    keep: "last",
    snapshots: [],
    baseline: true,
    shares: true,
    device: "cpu",
  });
});

/** The message for the minimal recipe with some keys changed. */
function complaint(changed: unknown): string {
  try {
    parseRecipe(changed, "my.yaml");
  } catch (error) {
    expect(error).toBeInstanceOf(LimbeckError);
    const { message, where, hint, exitCode } = error as LimbeckError;
    expect({ where, hint, exitCode }).toEqual({ where: "my.yaml", hint: expect.stringContaining("limbeck init"), exitCode: 2 });
    return message;
  }
  throw new Error("The recipe was accepted.");
}

const SHAPES = "steps, constant, linear, cosine, exponential, stepDecay, oneCycle";
const SCHEDULE = `one key of ${SHAPES}`;
const TEMPERATURE = `${SHAPES}, learned, perSample`;
const NETWORKS = networkNames.join(", ");
const LOSSES = [...Object.keys(lossTable), "hinton"].join(", ");
const LOSS = `an object with exactly one key of ${LOSSES}`;
const BALANCE = "an object with exactly one key of uncertainty, gradientNorm, validation";
const temperature = (value: unknown) => ({ losses: [{ kd: { temperature: value } }] });
const learningRate = (value: unknown) => ({ optimizer: { sgd: { learningRate: value } } });
const IMAGES = "idx, imageFolder, parquet, manifest, cifar, webdataset";
const SOURCES = `${IMAGES}, text`;
const texts = { text: "d", tokenizer: "t" };
const augment = (value: unknown) => ({ data: { idx: "d", augment: [value] } });

const TRANSFORMS =
  "shift, crop, resizedCrop, rotate, affine, elastic, flip, flipVertical, colorJitter, grayscale, invert, posterize, solarize, " +
  "autocontrast, equalize, sharpness, gaussianBlur, gaussianNoise, erasing, cutout, randAugment, trivialAugment";

describe("a mistake is named by its key, with what is allowed there:", () => {
  test.each<[changed: Record<string, unknown>, message: string]>([
    [
      { lossess: [] },
      'The recipe has the unknown key "lossess"; allowed are name, data, teacher, combine, teacherClassifier, teacherPrecision, student, losses, balance, shares, assistants, generations, mutual, stages, optimizer, epochs, batchSize, seed, clipNorm, average, frozen, keep, snapshots, baseline, cache, device, threads, workers.',
    ],
    [{ name: "../up" }, "name: must be a name: a text that has no slash and does not start with a dot."],
    [{ epochs: 0 }, "epochs: must be greater than 0 (found 0)."],
    [{ epochs: 1.5 }, "epochs: must be a whole number (found 1.5)."],
    [{ epochs: "3" }, 'epochs: must be a number (found "3").'],
    [{ epochs: Number.NaN }, "epochs: must be a number (found NaN)."],
    [{ epochs: undefined }, "epochs: is missing; it must be a number."],
    [{ device: "tpu" }, 'device: must be one of cpu, webgpu, cuda (found "tpu").'],
    [{ baseline: "no" }, 'baseline: must be true or false (found "no").'],
    [{ teacher: 3 }, "teacher: must be the path of an ONNX file, { average: { decay } }, or a list of them (found 3)."],
    [{ teacher: { average: { decay: 2 } } }, "teacher.average.decay: must be at most 1 (found 2)."],
    [{ teacher: { average: {}, decay: 0.9 } }, 'teacher: has the unknown key "decay"; allowed are average.'],
    [{ teacher: [{ average: {} }, "a.onnx"] }, "teacher: must have the student's average last, and once."],
    [{ teacher: [{ average: {} }, { average: {} }] }, "teacher: must have the student's average last, and once."],
    [{ assistants: [{ zoo: "resnet" }] }, `assistants[0].zoo: must be one of ${NETWORKS} (found "resnet").`],
    [{ generations: 0 }, "generations: must be greater than 0 (found 0)."],
    [{ generations: "two" }, 'generations: must be a number, or an object with some of the keys count, ensemble (found "two").'],
    [{ generations: { count: 2, n: 2 } }, 'generations: has the unknown key "n"; allowed are count, ensemble.'],
    [{ mutual: { peers: [] } }, "mutual.peers: must have at least 1 entry."],
    [{ mutual: { peers: Array(4).fill("peer.onnx") } }, "mutual.peers: must have at most 3 entries."],
    [{ mutual: { peers: ["peer.onnx"], temperature: 0 } }, "mutual.temperature: must be greater than 0 (found 0)."],
    [{ teacher: [] }, "teacher: must have at least 1 entry."],
    [{ teacher: "" }, "teacher: must not be empty."],
    [{ snapshots: [5, 0] }, "snapshots[1]: must be greater than 0 (found 0)."],
    [{ frozen: "a" }, 'frozen: must be a list (found "a").'],
    [{ losses: [] }, "losses: must have at least 1 entry."],
    [{ losses: { kd: {} } }, "losses: must be a list (found an object)."],
    [{ losses: ["kd"] }, `losses[0]: must be ${LOSS} (found "kd").`],
    [{ losses: [{}] }, `losses[0]: must be ${LOSS}.`],
    [{ losses: [{ kd: {} }, { kd: {}, hinton: {} }] }, `losses[1]: must be ${LOSS}.`],
    [{ losses: [{ dk: {} }] }, `losses[0]: has the unknown key "dk"; allowed are ${LOSSES}.`],
    [
      { losses: [{ kd: { temprature: 4 } }] },
      'losses[0].kd: has the unknown key "temprature"; allowed are weight, temperature, standardize.',
    ],
    [{ losses: [{ kd: null }] }, "losses[0].kd: must be an object with some of the keys weight, temperature, standardize (found null)."],
    [{ losses: [{ hinton: { alpha: 1.5 } }] }, "losses[0].hinton.alpha: must be at most 1 (found 1.5)."],
    [{ losses: [{ crossEntropy: { labelSmoothing: 1 } }] }, "losses[0].crossEntropy.labelSmoothing: must be less than 1 (found 1)."],
    [temperature(-4), "losses[0].kd.temperature: must be greater than 0 (found -4)."],
    [
      temperature("hot"),
      `losses[0].kd.temperature: must be a number, or a schedule, or where else it comes from: one key of ${TEMPERATURE} (found "hot").`,
    ],
    [temperature({ steps: { 0: 10, 5: -1 } }), "losses[0].kd.temperature.steps.5: must be greater than 0 (found -1)."],
    [temperature({ steps: { 3: 10 } }), "losses[0].kd.temperature.steps: must say the value from epoch 0."],
    [temperature({ steps: { 0: 1, first: 10 } }), "losses[0].kd.temperature.steps.first: must be an epoch number."],
    [temperature({ step: { 0: 10 } }), `losses[0].kd.temperature: has the unknown key "step"; allowed are ${TEMPERATURE}.`],
    [temperature({ cosine: { from: 4, warmup: 2 } }), "losses[0].kd.temperature.cosine.warmup: must be at most 1 (found 2)."],
    [
      temperature({ cosine: { from: 4 }, linear: { from: 1, to: 2 } }),
      `losses[0].kd.temperature: must be an object with exactly one key of ${TEMPERATURE}.`,
    ],
    [learningRate(undefined), `optimizer.sgd.learningRate: is missing; it must be a number, or a schedule: ${SCHEDULE}.`],
    [learningRate({ oneCycle: {} }), "optimizer.sgd.learningRate.oneCycle.peak: is missing; it must be a number."],
    [{ optimizer: "sgd" }, 'optimizer: must be an object with exactly one key of sgd, adamw (found "sgd").'],
    [{ student: { zoo: "resnet" } }, `student.zoo: must be one of ${NETWORKS} (found "resnet").`],
    [{ student: {} }, `student.zoo: is missing; it must be one of ${NETWORKS}.`],
    [{ student: 7 }, `student: must be a network such as { zoo: mlp } (one of ${NETWORKS}), or the path of an ONNX file (found 7).`],
    [
      { student: { zoo: "mlp", hiden: [3] } },
      'student: has the unknown key "hiden"; allowed are zoo, hidden, dropout, classes, seed, inputSize, weights.',
    ],
    [
      { student: { zoo: "shufflenet-v2-x0.5", width: 0.5 } },
      'student: has the unknown key "width"; allowed are zoo, stem, classes, seed, inputSize, weights.',
    ],
    [{ student: { zoo: "mobilenet-v2", width: 0 } }, "student.width: must be greater than 0 (found 0)."],
    [{ student: { zoo: "resnet18", stem: "small" } }, 'student.stem: must be one of imagenet, cifar (found "small").'],
    [{ student: { zoo: "resnet18", classes: 0 } }, "student.classes: must be greater than 0 (found 0)."],
    [{ student: { zoo: "mlp", hidden: [8, 0] } }, "student.hidden[1]: must be greater than 0 (found 0)."],
    [{ data: { idx: "d", views: 0 } }, "data.views: must be greater than 0 (found 0)."],
    [{ data: {} }, `data: must have exactly one of ${SOURCES}.`],
    [{ data: { idx: "d", cifar: "c" } }, `data: must have exactly one of ${SOURCES}.`],
    [{ data: { imageFolder: "d" } }, "data.size: is missing; it must be a number, or [height, width]: what every image is brought to."],
    [{ data: { imageFolder: "d", size: 0 } }, "data.size: must be greater than 0 (found 0)."],
    [{ data: { imageFolder: "d", size: 5000 } }, "data.size: must be at most 4096 (found 5000)."],
    [{ data: { imageFolder: "d", size: [32, "w"] } }, 'data.size[1]: must be a number (found "w").'],
    [
      { data: { imageFolder: "d", size: "big" } },
      'data.size: must be a number, or [height, width]: what every image is brought to (found "big").',
    ],
    [{ data: { imageFolder: "d", size: 32, channels: 2 } }, "data.channels: must be one of 1, 3 (found 2)."],
    [{ data: { imageFolder: "d", size: 32, fit: "crop" } }, 'data.fit: must be one of cover, contain, stretch (found "crop").'],
    [{ data: { imageFolder: "d", size: 32, columns: { label: "l" } } }, "data.columns: is only for parquet, manifest, webdataset, text."],
    [{ data: { imageFolder: "d", size: 32, tokenizer: "t" } }, "data.tokenizer: is only for text."],
    [{ data: { text: "d" } }, "data.tokenizer: is missing; it must be a folder with tokenizer.json, or such a file."],
    [{ data: { ...texts, augment: [{ flip: true }] } }, `data.augment: is only for ${IMAGES}.`],
    [{ data: { ...texts, columns: { text: 3, label: "l" } } }, "data.columns: must be names of columns, or numbers, but not both."],
    [
      { data: { ...texts, columns: { image: "i" } } },
      "data.columns: must name image and label of images, or text, pair and label of texts.",
    ],
    [{ data: { ...texts, buckets: [16, 32], length: 64 } }, "data.buckets: must end with data.length, the most tokens of a text."],
    [
      { data: { ...texts, buckets: [32, 16] } },
      "data.buckets: must be a number of lengths, or a list of lengths in tokens, ascending (found a list).",
    ],
    [{ data: { idx: "d", size: 32 } }, "data.size: is only for imageFolder, parquet, manifest, webdataset."],
    [{ data: { cifar: "d", unreadable: "skip" } }, "data.unreadable: is only for imageFolder, parquet, manifest, webdataset."],
    [
      { data: { parquet: 3, size: 32 } },
      "data.parquet: must be a path, a list of paths, or an object with some of the keys train, validation, test (found 3).",
    ],
    [{ data: { parquet: { test: "t" }, size: 32 } }, "data.parquet.train: is missing; it must be a path, or a list of paths."],
    [{ data: { webdataset: { train: [] }, size: 32 } }, "data.webdataset.train: must have at least 1 entry."],
    [
      { data: { manifest: "m.csv", columns: { labels: "l" }, size: 32 } },
      'data.columns: has the unknown key "labels"; allowed are image, text, pair, label.',
    ],
    [{ cache: "no" }, 'cache: must be true, false or an object with some of the keys directory, encoding, maxBytes (found "no").'],
    [{ cache: { encoding: "int8" } }, 'cache.encoding: must be float32, float16 or { topK: n } (found "int8").'],
    [{ cache: { encoding: { topK: 0 } } }, "cache.encoding.topK: must be greater than 0 (found 0)."],
    [{ cache: { size: 1 } }, 'cache: has the unknown key "size"; allowed are directory, encoding, maxBytes.'],
    [temperature({ exponential: { from: 4, to: 0 } }), "losses[0].kd.temperature.exponential.to: must be greater than 0 (found 0)."],
    [
      { losses: [{ kd: { weight: { exponential: { from: 0, to: 1 } } } }] },
      "losses[0].kd.weight.exponential.from: must be greater than 0 (found 0).",
    ],
    [{ balance: "gradientNorm" }, `balance: must be ${BALANCE} (found "gradientNorm").`],
    [{ balance: {} }, `balance: must be ${BALANCE}.`],
    [{ balance: { gradientNorm: { every: 0 } } }, "balance.gradientNorm.every: must be greater than 0 (found 0)."],
    [{ balance: { gradientNorm: { smoothing: 1 } } }, "balance.gradientNorm.smoothing: must be less than 1 (found 1)."],
    [{ balance: { validation: { steps: 1 } } }, 'balance.validation: has the unknown key "steps"; allowed are step.'],
    [{ shares: "no" }, 'shares: must be true or false (found "no").'],
    [augment({ crop: 2 }), "data.augment[0].crop: must be an object with some of the keys padding, mode (found 2)."],
    [augment({ swirl: 2 }), `data.augment[0]: has the unknown key "swirl"; allowed are ${TRANSFORMS}, apply.`],
    [augment({ colorJitter: { hue: 0.6 } }), "data.augment[0].colorJitter.hue: must be at most 0.5 (found 0.6)."],
    [augment({ erasing: { area: [0.5, 0.1] } }), "data.augment[0].erasing.area: must be a range, the lower end first."],
    [augment({ gaussianBlur: { size: 4 } }), "data.augment[0].gaussianBlur.size: must be odd."],
    [augment({ cutout: { size: 4, value: "red" } }), 'data.augment[0].cutout.value: must be a number from 0 to 1, or noise (found "red").'],
    [
      augment({ apply: { probability: 0.5, transforms: [{ apply: {} }] } }),
      `data.augment[0].apply.transforms[0]: has the unknown key "apply"; allowed are ${TRANSFORMS}.`,
    ],
    [augment({ affine: { scale: [1] } }), "data.augment[0].affine.scale: must have at least 2 entries."],
    [augment({ flip: false }), "data.augment[0].flip: must be true (found false)."],
  ])("%j", (changed, message) => {
    expect(complaint({ ...minimal, ...changed })).toBe(message);
  });

  test.each([[undefined], [null], [3], ["text"], [[]]])("a recipe that is %j", (written) => {
    expect(complaint(written)).toMatch(/^The recipe (is missing; it )?must be an object with some of the keys name, data, /);
  });

  test("several at once", () => {
    expect(complaint({ ...minimal, epochs: 0, seed: 0.5 })).toBe(
      "2 mistakes:\n  - epochs: must be greater than 0 (found 0)\n  - seed: must be a whole number (found 0.5)",
    );
  });

  test("keys that every object inherits", () => {
    for (const key of ["__proto__", "constructor", "toString"]) {
      const text = JSON.stringify({ ...minimal, data: 1 }).replace('"data":1', `"data":{"idx":"d","${key}":{"polluted":1}}`);
      expect(complaint(JSON.parse(text))).toContain(`data: has the unknown key "${key}"`);
    }
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test("a long text is not repeated in full", () => {
    expect(complaint({ ...minimal, epochs: "x".repeat(500) })).toBe(`epochs: must be a number (found "${"x".repeat(40)}...").`);
  });
});
