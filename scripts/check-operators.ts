/**
 * Checks every operator against the ONNX project's own tests: `npm run check:operators -- DIR`, where `bench/peers/operator_tests.py DIR`
 * has written them.
 *
 * Of each test: the canonical form of its model must have the inferred types and shapes, and give the outputs, that the test says; where a
 * float output depends on float inputs, the gradient of a random projection of it must agree with central differences on the test's own
 * inputs.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { TensorProtoSchema } from "onnx-buf";
import { gradient } from "../src/autodiff/gradient.ts";
import { LimbeckError } from "../src/errors.ts";
import { type GraphBuilder, graphBuilder } from "../src/graph/builder/builder.ts";
import { inlineGraph } from "../src/graph/builder/inline.ts";
import type { Graph, Value } from "../src/graph/graph.ts";
import { readOnnx } from "../src/graph/onnx/read.ts";
import { readTensor } from "../src/graph/onnx/read-tensor.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { canonicalize } from "../src/graph/rewrite/canonicalize.ts";
import { unrollRecurrent } from "../src/graph/rewrite/decompose/recurrent/unroll.ts";
import { inferShapes } from "../src/graph/rewrite/infer.ts";
import { elementCount, float32, type Tensor, toNumbers } from "../src/graph/tensor.ts";
import { isSetting } from "../src/graph/weights.ts";
import { type Random, randomFor } from "../src/random.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import type { Feeds } from "../src/runtime/runtime.ts";
import { writeSection } from "./page-section.ts";

const directory = process.argv[2];
if (!directory || !existsSync(directory)) {
  console.error("Give the directory that `python bench/peers/operator_tests.py DIR` has written.");
  process.exit(2);
}
const runtime = nodeRuntime({ threads: 1 });

/**
 * What became of one side of a test: it passed, there was nothing to check, the runtime itself can't do it or gives something else than the
 * test says, Limbeck doesn't handle it, or it failed.
 */
interface Verdict {
  readonly kind: "passed" | "nothing" | "runtime" | "not handled" | "failed";
  readonly why?: string;
}
interface Test {
  readonly name: string;
  /** As the ONNX project wrote it. */
  readonly original: Graph;
  readonly originalFeeds: Feeds;
  readonly graph: Graph;
  readonly feeds: Feeds;
  readonly expected: readonly Tensor[];
}

const UNHANDLED =
  /^No (shape|gradient) rule for|not supported|are supported|Only tensors can be|has no gradient|cannot be (brought|differentiated|read as numbers)/;

async function verdict(check: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await check();
  } catch (error) {
    const why = (error as Error).message.split("\n")[0] as string;
    if (why.startsWith("ONNX Runtime refuses")) return { kind: "runtime", why };
    return error instanceof LimbeckError && UNHANDLED.test(why) ? { kind: "not handled", why } : { kind: "failed", why };
  }
}

const tensorOf = (path: string): Tensor => readTensor(fromBinary(TensorProtoSchema, readFileSync(path)), new Map(), path);

const isFloat = (type: Tensor["type"]): boolean => /^(float(16|32|64)|bfloat16)$/.test(type);

/** The test with those inputs as constants that say what to do (axes, shapes, scales) or are of integers, which carry no gradient. */
function readTest(name: string): Test {
  const folder = join(directory as string, name);
  const original = readOnnx(readFileSync(join(folder, "model.onnx")), name);
  const given = new Map(original.inputs.map((value, index) => [value.name, tensorOf(join(folder, `input_${index}.pb`))]));
  const worked = new Set(
    original.nodes.flatMap(({ inputs, op, domain }) => inputs.filter((_, index) => !isSetting({ op, domain }, index))),
  );
  const isFed = ({ name: input, type }: Value): boolean => isFloat(type) && worked.has(input);
  const constants = original.inputs.filter((value) => !isFed(value)).map((value) => [value.name, given.get(value.name) as Tensor] as const);
  const inputs = original.inputs.filter(isFed).map((value) => ({ ...value, shape: given.get(value.name)?.shape ?? [] }));
  const graph = canonicalize({ ...original, inputs, initializers: new Map([...original.initializers, ...constants]) });
  const fed = graph.inputs.map(({ name: input, type }) => {
    const tensor = given.get(input) as Tensor;
    return [input, tensor.type === type ? tensor : float32(toNumbers(tensor), tensor.shape)] as const;
  });
  return {
    name,
    original,
    originalFeeds: Object.fromEntries(given),
    graph,
    feeds: Object.fromEntries(fed),
    expected: original.outputs.map((_, index) => tensorOf(join(folder, `output_${index}.pb`))),
  };
}

const isNarrow = (type: Tensor["type"]): boolean => type === "float16" || type === "bfloat16";

async function checkShapes({ graph, expected }: Test): Promise<Verdict> {
  const values = inferShapes(graph);
  for (const [index, output] of graph.outputs.entries()) {
    const [found, wanted] = [values.get(output.name), expected[index] as Tensor];
    const open = found?.shape.some((size) => typeof size === "string") ?? true;
    const type = isNarrow(wanted.type) ? "float32" : wanted.type;
    if (found?.type !== type || found.shape.length !== wanted.shape.length || (!open && found.shape.join() !== wanted.shape.join())) {
      return { kind: "failed", why: `${output.name} is ${wanted.type}[${wanted.shape}], inferred ${found?.type}[${found?.shape}]` };
    }
  }
  return { kind: "passed" };
}

/** Random operators give other numbers each time. */
const RANDOM = /bernoulli|random|dropout|multinomial/;

/** What the runtime's JavaScript binding can't hand over; asked for it, it takes the process down. */
const UNREADABLE = /^(bfloat16|float8|float4|u?int[24]$)/;

async function checkOutputs({ name, original, originalFeeds, graph, feeds, expected }: Test): Promise<Verdict> {
  if (RANDOM.test(name) || [...inferShapes(graph).values()].some(({ type }) => UNREADABLE.test(type))) return { kind: "nothing" };
  const wrong = await wrongOutput(graph, feeds, expected);
  if (wrong === undefined) return { kind: "passed" };
  return (await wrongOutput(original, originalFeeds, expected)) === undefined
    ? { kind: "failed", why: wrong }
    : { kind: "runtime", why: wrong };
}

/** The first difference between what a graph gives and what it should; `undefined` when there is none. */
async function wrongOutput(graph: Graph, feeds: Feeds, expected: readonly Tensor[]): Promise<string | undefined> {
  let outputs: Record<string, Tensor>;
  try {
    const session = await runtime.createSession(writeOnnx(graph));
    outputs = await session.run(feeds);
    await session.release();
  } catch (error) {
    return (error as Error).message.split("\n")[0];
  }
  for (const [index, { name: output }] of graph.outputs.entries()) {
    const [found, wanted] = [outputs[output] as Tensor, expected[index] as Tensor];
    if (wanted.type === "string") continue;
    const tolerance = isNarrow(wanted.type) ? 2e-2 : 1e-3;
    const numbers = toNumbers(found);
    const worst = toNumbers(wanted).findIndex((element, at) => {
      const other = numbers[at] as number;
      return !(Object.is(element, other) || element === other || Math.abs(element - other) <= tolerance * (1 + Math.abs(element)));
    });
    if (worst >= 0) return `${output}[${worst}] is ${numbers[worst]}, should be ${toNumbers(wanted)[worst]}`;
  }
  return undefined;
}

/** Elements of each input that are varied, the step, and the largest difference relative to 1 + |gradient|. */
const [VARIED, STEP, TOLERANCE] = [8, 2 ** -6, 1e-2];

async function checkGradient(test: Test): Promise<Verdict> {
  const values = inferShapes(test.graph);
  const wrt = test.graph.inputs.filter(({ name }) => (test.feeds[name]?.data.length ?? 0) > 0).map(({ name }) => name);
  const output = test.graph.outputs.find(({ name }) => values.get(name)?.type === "float32");
  if (!output || wrt.length === 0 || RANDOM.test(test.name)) return { kind: "nothing" };
  const narrow = wrt.every((name) => test.feeds[name]?.type === "float32");
  const { graph, shape } = withProjection(unrollRecurrent(test.graph), output.name);
  if (!narrow || shape.some(Number.isNaN)) return { kind: "nothing" };
  const random = randomFor(0);
  const projection = float32(
    Float32Array.from({ length: elementCount(shape) }, () => 2 * random.uniform() - 1),
    shape,
  );
  const session = await runtime.createSession(writeOnnx(gradient(graph, "limbeck:loss", wrt)));
  try {
    return await compare(test, wrt, output.name, projection, session, random);
  } finally {
    await session.release();
  }
}

async function compare(
  test: Test,
  wrt: readonly string[],
  output: string,
  projection: Tensor,
  session: Awaited<ReturnType<typeof runtime.createSession>>,
  random: Random,
): Promise<Verdict> {
  const feeds: Record<string, Tensor> = Object.fromEntries(
    Object.entries(test.feeds).map(([name, { data, shape }]) => [name, float32((data as Float32Array).slice(), shape)]),
  );
  const weights = projection.data as Float32Array;
  const project = async (): Promise<number> => {
    const found = await session.run({ ...feeds, "limbeck:projection": projection }, { fetch: [output] });
    const data = found[output]?.data as Float32Array;
    return weights.reduce((sum, weight, index) => sum + weight * (data[index] as number), 0);
  };
  const gradients = await session.run({ ...feeds, "limbeck:projection": projection });
  let compared = 0;
  for (const name of wrt) {
    const data = feeds[name]?.data as Float32Array;
    const derivative = gradients[`gradient:${name}`]?.data as Float32Array;
    const elements = data.length <= VARIED ? [...data.keys()] : Array.from({ length: VARIED }, () => random.integer(0, data.length - 1));
    for (const element of elements) {
      const middle = data[element] as number;
      const here = await project();
      /** The central difference, and how far the slopes to the two sides are apart. */
      const slope = async (step: number): Promise<readonly [number, number]> => {
        data[element] = middle + step;
        const [above, high] = [await project(), data[element] as number];
        data[element] = middle - step;
        const [below, low] = [await project(), data[element] as number];
        data[element] = middle;
        return [(above - below) / (high - low), Math.abs((above - here) / (high - middle) - (here - below) / (middle - low))];
      };
      const [[coarse, coarseBend], [fine, fineBend]] = [await slope(STEP), await slope(STEP / 4)];
      const tolerance = TOLERANCE * (1 + Math.abs(fine));
      // Differences that depend on the step straddle a jump or leave the operator's domain; a bend that stays is a kink. There is no derivative.
      if (!(Math.abs(coarse - fine) <= tolerance) || (fineBend > TOLERANCE && fineBend > coarseBend / 2)) continue;
      compared++;
      if (!(Math.abs((derivative[element] as number) - fine) <= 2 * tolerance)) {
        return { kind: "failed", why: `gradient of ${name}[${element}] is ${derivative[element]}, differences give ${fine}` };
      }
    }
  }
  return compared > 0 ? { kind: "passed" } : { kind: "nothing" };
}

/** The graph with `limbeck:loss`, the sum of its output's elements times those of the input `limbeck:projection`. */
function withProjection(graph: Graph, output: string): { graph: Graph; shape: readonly number[] } {
  const g: GraphBuilder = graphBuilder("test");
  const bind = new Map(graph.inputs.map(({ name, type, shape }) => [name, g.input(name, type, shape)]));
  const y = inlineGraph(g, graph, { bind }).get(output) as Value;
  g.output(y, output);
  g.output(g.reduceSum(g.mul(y, g.input("limbeck:projection", "float32", y.shape))), "limbeck:loss");
  return { graph: g.build(), shape: y.shape.map(Number) };
}

const sides = ["shapes", "outputs", "gradient"] as const;
const verdicts: Record<(typeof sides)[number], Map<string, Verdict>> = { shapes: new Map(), outputs: new Map(), gradient: new Map() };
const names = readdirSync(directory)
  .filter((name) => name.startsWith("test_"))
  .sort();
for (const [index, name] of names.entries()) {
  if (index % 100 === 0) console.error(`${index} of ${names.length}`);
  let test: Test | undefined;
  const reading = await verdict(async () => {
    test = readTest(name);
    return { kind: "passed" };
  });
  const checks = { shapes: checkShapes, outputs: checkOutputs, gradient: checkGradient };
  for (const side of sides) {
    const earlier = test ? (side === "shapes" ? reading : (verdicts.shapes.get(name) as Verdict)) : reading;
    const isBlocked = earlier.kind === "failed" || earlier.kind === "not handled";
    verdicts[side].set(name, isBlocked || !test ? earlier : await verdict(() => checks[side](test as Test)));
  }
}

const of = (side: (typeof sides)[number], kind: Verdict["kind"]) => [...verdicts[side]].filter(([, found]) => found.kind === kind);
/** What a test was about, from the reason why it isn't handled. */
function subject(why: string): string {
  if (why.startsWith("Only tensors")) return "sequences and optional values";
  if (why.includes("opset 1;")) return "operator sets before 7";
  return /rule for ([\w.]+)/.exec(why)?.[1] ?? /(\w+) "/.exec(why.replace(/\("\w+"\) /, ""))?.[1] ?? why;
}
for (const side of sides) {
  for (const [name, found] of of(side, "failed")) console.log(`${side} failed: ${name}: ${found.why?.slice(0, 200)}`);
}
const unhandled = (side: (typeof sides)[number]): string => {
  const found = of(side, "not handled").map(([, { why = "" }]) => subject(why));
  return [...new Set(found)].sort().join(", ");
};
const row = (side: (typeof sides)[number]): string =>
  `| ${side} | ${of(side, "passed").length} | ${of(side, "failed").length} | ${of(side, "not handled").length} | ${of(side, "runtime").length} | ${of(side, "nothing").length} |`;
const table = `| of ${names.length} tests | passed | failed | not handled | the runtime differs | nothing to check |
| --- | --- | --- | --- | --- | --- |
${sides.map(row).join("\n")}

Not handled in shapes: ${unhandled("shapes") || "none"}.

Not handled in gradients: ${unhandled("gradient") || "none"}.

Failed: ${[...new Set(sides.flatMap((side) => of(side, "failed").map(([name]) => name)))].join(", ") || "none"}.`;
console.log(table);
await writeSection(fileURLToPath(new URL("../docs/models.md", import.meta.url)), "check:operators", table);
