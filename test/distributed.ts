import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseRecipe } from "../src/distill/recipe/parse.ts";
import type { RecipeInput } from "../src/distill/recipe/schema.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { mlp } from "../src/nn/zoo/mlp.ts";
import { randomFor } from "../src/random.ts";
import { type Executor, type Finished, type Job, resultsOf, versionsHere } from "../src/search/jobs.ts";
import { localExecutor } from "../src/search/local-executor.ts";
import { openStore } from "../src/search/open-store.ts";
import { fileFinder } from "../src/search/recipe-files.ts";
import { trialJob } from "../src/search/recipe-job.ts";
import { redisExecutor } from "../src/search/redis/redis-executor.ts";
import { writeSmallMnist } from "./limbeck.ts";
import { startRedis } from "./redis-server.ts";
import { startWorkerProcess, type WorkerProcess } from "./workers.ts";

export interface DistributedOptions {
  /** An empty directory. */
  readonly place: string;
  readonly trials: number;
  readonly workers: number;
  /** Workers that are killed, at random, each of which another takes the place of. */
  readonly kills: number;
  /** Restarts Redis when half of the trials are done. */
  readonly restart: boolean;
  /** Where Redis listens, and what a worker is run under to be in another network: every second one is. */
  readonly network?: { readonly host: string; readonly under: readonly string[] };
  readonly say?: (text: string) => void;
}

export interface DistributedOutcome {
  /** Of the trials in their order. */
  readonly local: readonly unknown[];
  readonly remote: readonly unknown[];
  /** How often each trial was told of as ended. */
  readonly told: readonly number[];
  readonly kills: number;
  /** What the worker of another version said. */
  readonly stranger: string;
}

/** Small trainings, each with its own learning rate and seed, and a teacher. */
function recipeOf(index: number): RecipeInput {
  return {
    data: { idx: "mnist", validation: 100 },
    teacher: "teacher.onnx",
    student: { zoo: "mlp", hidden: [8 + (index % 3)] },
    losses: [{ hinton: { temperature: 1 + (index % 5) } }],
    optimizer: { sgd: { learningRate: 0.02 * (1 + (index % 4)) } },
    epochs: 2,
    batchSize: 25,
    seed: index,
  };
}

/** Runs the same trials in a local pool and by workers that die, and gives what both found. */
export async function runDistributed(options: DistributedOptions): Promise<DistributedOutcome> {
  const { place, trials, say = () => undefined } = options;
  writeSmallMnist(join(place, "mnist"), { train: 500, test: 50 });
  writeFileSync(join(place, "teacher.onnx"), writeOnnx(mlp({ inputShape: [1, 28, 28], hidden: [16], classes: 10, seed: 7 })));
  const store = join(place, "store");
  const find = fileFinder(place, openStore(store).put);
  const jobs: Job[] = [];
  for (let index = 0; index < trials; index++) {
    const recipe = parseRecipe(recipeOf(index));
    jobs.push(trialJob(`trial ${index}`, recipe, await find(recipe)));
  }
  const pool = localExecutor({ context: { relativeTo: place, cache: join(place, "cache") }, jobs: 2 });
  const local = resultsOf(await pool.run(jobs));
  await pool.close();
  say(`${trials} trials by the local pool.`);
  return { local, ...(await byWorkers(jobs, store, options)) };
}

async function byWorkers(jobs: readonly Job[], store: string, options: DistributedOptions): Promise<Omit<DistributedOutcome, "local">> {
  const { place, workers: count, network, say = () => undefined } = options;
  mkdirSync(join(place, "redis"));
  const server = await startRedis(join(place, "redis"), network?.host);
  let started = 0;
  const start = (versions = versionsHere()): WorkerProcess =>
    startWorkerProcess(
      { url: server.url, store, concurrency: 1, lockSeconds: 2, versions },
      started++ % 2 === 0 ? network?.under : undefined,
    );
  const workers = Array.from({ length: count }, () => start());
  const stranger = start({ ...versionsHere(), limbeck: "0.0.1" });
  const told = new Map(jobs.map(({ key }) => [key, 0]));
  let executor: Executor | undefined;
  try {
    await Promise.all([...workers, stranger].map(({ ready }) => ready));
    executor = await redisExecutor({ url: server.url, sweepSeconds: 1, onNotice: say });
    const onResult = ({ job: { key, name }, error }: Finished): void => {
      told.set(key, (told.get(key) ?? 0) + 1);
      say(`${name} ended${error ? `: ${error.message}` : ""} (${ended()}/${jobs.length})`);
    };
    const ended = () => [...told.values()].filter((times) => times > 0).length;
    let over = false;
    const running = executor.run(jobs, { onResult }).finally(() => {
      over = true;
    });
    const harm = harmful(options, workers, start, () => over);
    const restarted = options.restart ? restartHalfway(() => over || 2 * ended() >= jobs.length, server.restart, say) : undefined;
    const finished = await running;
    const [kills] = await Promise.all([harm, restarted]);
    return { remote: resultsOf(finished), told: [...told.values()], kills, stranger: stranger.said() };
  } finally {
    await executor?.close();
    await Promise.all([...workers, stranger].map(({ kill }) => kill("SIGKILL")));
    await server.stop();
  }
}

async function restartHalfway(reached: () => boolean, restart: () => Promise<void>, say: (text: string) => void): Promise<void> {
  while (!reached()) await sleep(50);
  await restart();
  say("Redis was killed and started again.");
}

/** Kills workers at random moments. @returns How many. */
async function harmful(
  { kills, say }: DistributedOptions,
  workers: WorkerProcess[],
  start: () => WorkerProcess,
  over: () => boolean,
): Promise<number> {
  const random = randomFor(1);
  let done = 0;
  while (done < kills && !over()) {
    await sleep(100 + 900 * random.uniform());
    if (over()) break;
    const ready = workers.filter((worker) => worker.said().includes("Waiting for jobs"));
    const victim = ready[random.integer(0, Math.max(0, ready.length - 1))];
    if (!victim) continue;
    const place = workers.indexOf(victim);
    workers[place] = start();
    await victim.kill("SIGKILL");
    done++;
    say?.(`Worker ${place + 1} was killed.`);
  }
  return done;
}
