/**
 * The survey article's claims, each tried at a scale that two cores allow: `npm run study:claims [-- SEEDS]`. By the protocol of the study of
 * methods (examples/methods/protocol.ts), with which it shares its trials, on MNIST; retrieval on ORL faces.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSection } from "../../scripts/page-section.ts";
import type { NetworkRecipe } from "../../src/distill/recipe/schema.ts";
import type { Report } from "../../src/report/report.ts";
import {
  difference,
  EPOCHS,
  type Method,
  methodOf,
  mnist,
  recipeOf,
  results,
  signed,
  TUNING_SEED,
  trialOf,
  tuned,
} from "../methods/protocol.ts";
import { mean, runsOf, runTrials, spread } from "../studies/trials.ts";
import { retrieval } from "./faces.ts";

const SEEDS = Array.from({ length: Number(process.argv[2] ?? 5) }, (_, seed) => seed);
const TEMPERATURES = [1, 2, 4, 8, 16];
/** Factors of attention's published weight. */
const THIRD_PARTS = [0.0001, 0.001, 0.01];
const root = fileURLToPath(new URL("../..", import.meta.url));
const FACES = join(root, "../shared/data/orl-faces");

/** The article's 10, 5 and 3, which change after 5 and 15 of 20 epochs, at the same shares of these runs. */
const falling: Method = {
  losses: [
    { crossEntropy: { weight: 0.1 } },
    { kd: { weight: 0.9, temperature: { steps: { 0: 10, [EPOCHS / 4]: 5, [(3 * EPOCHS) / 4]: 3 } } } },
  ],
};
const kdAt = (temperature: number): Method => ({ losses: [{ crossEntropy: { weight: 0.1 } }, { kd: { weight: 0.9, temperature } }] });

interface Row {
  readonly claim: string;
  readonly article: string;
  readonly found: string;
  readonly verdict: string;
}

const scores = new Map<string, readonly number[]>();
await measure({ none: undefined, hinton: methodOf("hinton"), attention: methodOf("attention"), falling });
const [factor = 1] = await tuned(mnist, { hinton: methodOf("hinton") });
await measureThreeParts(factor);
const rows: Row[] = [
  compared("Soft targets help a small student", "a student with soft targets is better than one with labels alone", "hinton", "none"),
  await ofGrid(),
  compared("Three parts beat two", "soft + hard + feature losses beat soft + hard", "threePart", "hinton"),
  compared("A temperature that falls beats a constant one", "10, then 5, then 3, against 4", "falling", "hinton"),
  await severalTeachers(),
  compared("Attention transfer helps", "attention maps beside the labels beat labels alone", "attention", "none"),
  ...(await faces()),
];
const table = rows.map(({ claim, article, found, verdict }) => `| ${claim} | ${article} | ${found} | ${verdict} |`).join("\n");
await writeSection(
  join(root, "docs/claims.md"),
  "study:claims",
  `${SEEDS.length} seeds, mean ± standard deviation. Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}.

| claim | what the article says | what is measured here | verdict |
| --- | --- | --- | --- |
${table}`,
);

/** Test accuracies of methods, each with the factor that validation chose. */
async function measure(methods: Readonly<Record<string, Method | undefined>>): Promise<void> {
  const factors = await tuned(mnist, methods);
  const entries = Object.entries(methods);
  const found = await runTrials(
    SEEDS.flatMap((seed) => entries.map(([name, method], place) => trialOf(mnist, name, method, factors[place] as number, seed))),
    results,
  );
  for (const [place, [name]] of entries.entries()) {
    scores.set(
      name,
      SEEDS.map((_, seed) => found[seed * entries.length + place]?.test ?? Number.NaN),
    );
  }
}

/** The three-part loss: its soft part as it is best by itself, and of the third the weight that validation chooses. */
async function measureThreeParts(ofSoft: number): Promise<void> {
  const method = (ofFeatures: number): Method => ({
    losses: [
      { crossEntropy: { weight: 0.1 } },
      { kd: { weight: 0.9 * ofSoft, temperature: 4 } },
      { attention: { weight: 1000 * ofFeatures } },
    ],
  });
  const run = async (ofFeatures: number, seeds: readonly number[]) =>
    runTrials(
      seeds.map((seed) => trialOf(mnist, `three parts, ${ofFeatures} of the third,`, method(ofFeatures), 1, seed)),
      results,
    );
  const tried: number[] = [];
  for (const ofFeatures of THIRD_PARTS) tried.push((await run(ofFeatures, [TUNING_SEED]))[0]?.validation ?? 0);
  const chosen = THIRD_PARTS[tried.indexOf(Math.max(...tried))] as number;
  scores.set(
    "threePart",
    (await run(chosen, SEEDS)).map(({ test }) => test),
  );
}

function compared(claim: string, article: string, name: string, other: string): Row {
  const [values, others] = [scores.get(name) ?? [], scores.get(other) ?? []];
  return { claim, article, found: `MNIST: ${spread(values)} % against ${spread(others)} %`, verdict: verdictOf(values, others) };
}

function verdictOf(values: readonly number[], others: readonly number[]): string {
  const { points, margin } = difference(values, others, true);
  const size = `${signed(points)} points, ± ${margin.toFixed(2)}`;
  return Math.abs(points) <= margin ? `within the spread (${size})` : points > 0 ? `holds (${size})` : `does not hold here (${size})`;
}

async function ofGrid(): Promise<Row> {
  const factors = await tuned(mnist, Object.fromEntries(TEMPERATURES.map((temperature) => [`kd at ${temperature}`, kdAt(temperature)])));
  const found = await runTrials(
    TEMPERATURES.flatMap((temperature, place) =>
      SEEDS.map((seed) => trialOf(mnist, `kd at ${temperature}`, kdAt(temperature), factors[place] as number, seed)),
    ),
    results,
  );
  const byTemperature = TEMPERATURES.map((_, place) => SEEDS.map((_, seed) => found[place * SEEDS.length + seed]?.test ?? Number.NaN));
  const four = byTemperature[TEMPERATURES.indexOf(4)] as readonly number[];
  const others = byTemperature.filter((values) => values !== four);
  const rival = others.reduce((a, b) => (mean(b) > mean(a) ? b : a));
  return {
    claim: "T = 4 is best",
    article: "of the temperatures tried, 4",
    found: `MNIST: ${TEMPERATURES.map((temperature, place) => `T = ${temperature}: ${spread(byTemperature[place] as readonly number[])} %`).join("; ")}`,
    verdict: `against T = ${TEMPERATURES[byTemperature.indexOf(rival)]}, the best of the others: ${verdictOf(four, rival)}`,
  };
}

/** Three networks of other kinds, trained for eight epochs each; the student of all three against that of the best. */
async function severalTeachers(): Promise<Row> {
  const networks: readonly NetworkRecipe[] = [
    { zoo: "small-cnn", channels: [16, 32, 64], depth: 1, dropout: 0 },
    { zoo: "small-cnn", channels: [12, 24, 48], depth: 1, hidden: 64, dropout: 0.2 },
    { zoo: "lenet" },
  ];
  const files = networks.map((network, place) => trainedTeacher(network, `teacher-${place + 1}`));
  const reports = files.map((file) => JSON.parse(readFileSync(join(root, file, "../report.json"), "utf8")) as Report);
  const accuracies = reports.map(({ student }) => student.accuracy.lastEpoch);
  const validations = reports.map(({ curves }) => curves.student.at(-1)?.validationAccuracy ?? 0);
  const strongest = files[validations.indexOf(Math.max(...validations))] as string;
  const run = async (teacher: string | string[]) =>
    (
      await runTrials(
        SEEDS.map((seed) => ({
          name: `${Array.isArray(teacher) ? "three teachers" : "one teacher"} seed ${seed}`,
          recipe: { ...recipeOf(mnist, kdAt(4), factor as number, seed), teacher },
        })),
        results,
      )
    ).map(({ test }) => test);
  const [three, one] = [await run([...files]), await run(strongest)];
  return {
    claim: "Three teachers beat one",
    article: "the mean of three teachers beats a single one",
    found: `MNIST: ${spread(three)} % by teachers of ${accuracies.map((value) => (100 * value).toFixed(2)).join(", ")} %; ${spread(one)} % by the best of them alone`,
    verdict: verdictOf(three, one),
  };
}

/** The path of a teacher's file, relative to the repository; it is trained where it isn't there. */
function trainedTeacher(network: NetworkRecipe, name: string): string {
  const out = `runs/study-claims/${name}`;
  if (!existsSync(join(runsOf("claims"), name, "student.onnx"))) {
    console.log(`Training ${name}`);
    const options = ["--data", mnist.idx, "--student", network.zoo, "--out", out, "--quiet"];
    const changes = [`student=${JSON.stringify(network)}`, "epochs=8", "data.augment=[{shift: 2}]"].flatMap((change) => ["--set", change]);
    const { status } = spawnSync(process.execPath, ["dist/cli.js", "train", ...options, ...changes], {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
    });
    if (status !== 0) throw new Error(`${name} could not be trained.`);
  }
  return `${out}/student.onnx`;
}

async function faces(): Promise<Row[]> {
  const found = await retrieval(FACES, SEEDS);
  if (!found) return [];
  const { teacher, alone, related, both } = found;
  return [
    {
      claim: "RKD serves retrieval",
      article: "relations between samples make a better embedding",
      found: `ORL faces, recall@1 on 26 people never seen: ${spread(related, 1)} % by RKD alone, ${spread(both, 1)} % by RKD and triplets, ${spread(alone, 1)} % by triplets alone; the teacher ${(100 * teacher).toFixed(1)} %`,
      verdict: verdictOf(both, alone),
    },
  ];
}
