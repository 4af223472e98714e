/** Limbeck's side of the benchmark: a process of its own that is asked as the others are (see `contestant.ts`). */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { nodeRuntime } from "../src/runtime/node.ts";
import type { Answer, Request } from "./contestant.ts";
import { distillation } from "./workloads/distillation.ts";
import { convolution, matrixProduct } from "./workloads/products.ts";
import { bertStep, mlpStep, mobilenetStep, resnet8x4Step, resnet20Step } from "./workloads/steps.ts";
import { bertTeacher, resnet56Teacher, wideResnetTeacher } from "./workloads/teachers.ts";
import type { MakeWork, Work } from "./workloads/work.ts";

const makers: Readonly<Record<string, MakeWork>> = {
  "matrix-product": matrixProduct,
  conv: convolution,
  "mlp-step": mlpStep,
  "resnet20-step": resnet20Step,
  "resnet8x4-step": resnet8x4Step,
  "mobilenet-step": mobilenetStep,
  "bert-step": bertStep,
  "teacher-resnet56": resnet56Teacher,
  "teacher-wrn-40-2": wideResnetTeacher,
  "teacher-bert-base": bertTeacher,
  kd: distillation({ teacher: "resnet32x4", student: "resnet8x4", batchSize: 64 }),
  "kd-int8": distillation({ teacher: "resnet32x4", student: "resnet8x4", batchSize: 64, int8: true }),
  "kd-cached": distillation({ teacher: "resnet32x4", student: "resnet8x4", batchSize: 64, cached: true }),
};

/** The most memory that this process has held; none where the system does not say. */
function peakBytes(): number | null {
  try {
    const kibibytes = /^VmHWM:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return kibibytes === undefined ? null : 1024 * Number(kibibytes);
  } catch {
    return null;
  }
}

const runtime = nodeRuntime();
const ready = new Map<string, Work>();

async function answer({ work, iterations }: Request): Promise<Answer> {
  const make = makers[work];
  if (!make) return { error: `there is no work "${work}"` };
  const { run, flops, parameters } = ready.get(work) ?? (await make(runtime));
  ready.set(work, { run, flops, parameters });
  const ms: number[] = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    const start = performance.now();
    await run();
    ms.push(performance.now() - start);
  }
  return { ms, flops, parameters: parameters ?? null, peakBytes: peakBytes() };
}

console.log(JSON.stringify({ peer: runtime.version }));
for await (const line of createInterface({ input: process.stdin })) {
  const answered = await answer(JSON.parse(line) as Request).catch((error: unknown): Answer => ({ error: String(error) }));
  console.log(JSON.stringify(answered));
}
process.exit(0);
