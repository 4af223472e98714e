import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { LimbeckError } from "../errors.ts";
import { type Finished, type Job, jobOf, resultsOf } from "./jobs.ts";
import { type LocalOptions, localExecutor } from "./local-executor.ts";
import { openResultLog } from "./result-log.ts";

const place = mkdtempSync(join(tmpdir(), "limbeck-test-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const entry = new URL("./job-child.fixture.ts", import.meta.url);

function executor(options: Partial<LocalOptions> = {}) {
  const made = localExecutor({ context: { relativeTo: place, cache: place }, entry, jobs: 2, ...options });
  closing.push(made.close);
  return made;
}

const versions = { limbeck: "1", runtime: "1" };
const job = (kind: string, input: unknown): Job => jobOf(kind, `${kind} ${JSON.stringify(input)}`, input, versions);
const echoes = (count: number, more: object = {}): Job[] =>
  Array.from({ length: count }, (_, value) => job("echo", { value, ms: 7 * ((value * 5) % 7), ...more }));
const linesOf = (path: string): string[] => (existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : []);

test("results come in the order of the jobs, each job once by its key, told of as it ends", async () => {
  const log = join(place, "once.log");
  const jobs = echoes(9, { log });
  const told: Finished[] = [];
  const finished = await executor().run([...jobs, ...jobs.slice(0, 4).map((one) => ({ ...one, name: "another name" }))], {
    onResult: (one) => told.push(one),
  });
  expect(resultsOf(finished)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3]);
  expect(told.map(({ job: { key } }) => key).sort()).toEqual(jobs.map(({ key }) => key).sort());
  expect(linesOf(log)).toHaveLength(9);
});

test("a run that begins while another is under way waits for the jobs that both have", async () => {
  const log = join(place, "both.log");
  const { run } = executor();
  const jobs = echoes(6, { log });
  const [one, two] = await Promise.all([run(jobs), run(jobs.toReversed())]);
  expect(resultsOf(one)).toEqual(resultsOf(two).toReversed());
  expect(linesOf(log)).toHaveLength(6);
});

test("what is kept is not done again, also after half a line that a killed process left", async () => {
  const path = join(place, "kept.jsonl");
  const log = join(place, "kept.log");
  const jobs = echoes(4, { log });
  const first = openResultLog(path);
  await executor().run(jobs.slice(0, 2), { log: first });
  first.close();
  appendFileSync(path, '{"key":"cut');
  const second = openResultLog(path);
  const finished = await executor().run(jobs, { log: second });
  second.close();
  expect(finished.map(({ known }) => known)).toEqual([true, true, false, false]);
  const third = openResultLog(path);
  expect(jobs.map(({ key }) => third.get(key)?.result)).toEqual([0, 1, 2, 3]);
  third.close();
  expect(linesOf(log)).toHaveLength(4);
  expect(resultsOf(await executor().run(jobs, { log: openResultLog(path), again: true }))).toEqual([0, 1, 2, 3]);
  expect(linesOf(log)).toHaveLength(8);
});

describe("a job that fails", () => {
  test("fails by its error, whole, and others go on", async () => {
    const finished = await executor().run([job("refuse", 0), job("echo", { value: 1 }), job("liar", 0), job("nothing", 0), job("echo", 5)]);
    expect(finished.map(({ error }) => error?.message)).toEqual([
      "It can't be done.",
      undefined,
      expect.stringContaining("has a result that is none"),
      expect.stringContaining('no kind of job called "nothing"'),
      expect.stringContaining("has an input that is none"),
    ]);
    expect(finished[0]?.error).toBeInstanceOf(LimbeckError);
    expect(finished[0]?.error).toMatchObject({ where: "here", hint: "Do something else." });
    expect(() => resultsOf(finished)).toThrow("It can't be done.");
  });

  test("is tried again when its process ends without an answer, three times", async () => {
    const once = join(place, "crashed");
    const finished = await executor().run([job("crash", { once }), job("crash", {}), job("echo", { value: 1 })]);
    expect(finished.map(({ result }) => result)).toEqual(["done", undefined, 1]);
    expect(finished[1]?.error?.message).toMatch(/ended without an answer: it ended by exit code 3: something broke\.$/);
  });

  test("is ended when it takes more memory than it may", async () => {
    const [finished] = await executor({ maxMemory: 4e8, attempts: 1 }).run([job("greedy", 0)]);
    expect(finished?.error?.message).toMatch(/it took 0\.[4-9]\d* GB of memory, and may take 0\.400 GB\.$/);
    expect(finished?.error).toMatchObject({ hint: expect.stringContaining("--max-memory") });
  });
});

test("processes that are killed at any moment cost no result", async () => {
  const log = join(place, "killed.log");
  const jobs = Array.from({ length: 30 }, (_, value) => job("echo", { value, ms: 40, log }));
  let killed = 0;
  const seen = new Set<string>();
  const killing = setInterval(() => {
    const running = linesOf(log).filter((pid) => !seen.has(pid));
    if (running.length === 0 || killed === 12) return;
    const victim = running.at(-1) as string;
    seen.add(victim);
    process.kill(Number(victim), "SIGKILL");
    killed++;
  }, 25);
  const finished = await executor({ attempts: 20 }).run(jobs);
  clearInterval(killing);
  expect(killed).toBeGreaterThan(3);
  expect(resultsOf(finished)).toEqual(jobs.map((_, index) => index));
});

test("a process is replaced after twenty jobs that leave something behind", async () => {
  const jobs = Array.from({ length: 45 }, (_, value) => job("leak", value));
  const pids = resultsOf(await executor({ jobs: 1 }).run(jobs)) as number[];
  expect(pids.map((pid) => [...new Set(pids)].indexOf(pid))).toEqual(pids.map((_, index) => Math.floor(index / 20)));
});

test("a run that is aborted ends what it has under way, and what was done is kept", async () => {
  const path = join(place, "aborted.jsonl");
  const log = join(place, "aborted.log");
  const kept = openResultLog(path);
  const controller = new AbortController();
  const run = executor().run([job("echo", { value: 0, ms: 0 }), job("echo", { value: 1, ms: 1e6, log })], {
    log: kept,
    signal: controller.signal,
  });
  while (linesOf(log).length === 0 || linesOf(path).length === 0) await sleep(5);
  controller.abort(new Error("enough"));
  await expect(run).rejects.toThrow("enough");
  kept.close();
  const pid = Number(linesOf(log)[0]);
  while (lives(pid)) await sleep(5);
  expect(linesOf(path)).toHaveLength(1);
});

test("a file that can't be written is a user's mistake", () => {
  writeFileSync(join(place, "file"), "");
  expect(() => openResultLog(join(place, "file", "log.jsonl"))).toThrow(LimbeckError);
});

function lives(pid: number): boolean {
  try {
    // A process that has ended and that nobody has asked for still answers.
    return process.kill(pid, 0) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}
