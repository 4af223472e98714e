import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { LimbeckError } from "../errors.ts";
import { type JobKind, jobKind } from "./job-kind.ts";
import { serveJobs } from "./serve-jobs.ts";

// Kinds of jobs that take no training, for tests.

const anything = z.unknown();

const kinds: Readonly<Record<string, JobKind>> = {
  /** Gives what it is given, after a while; writes its process's number where it is told to. */
  echo: jobKind({
    name: "echo",
    input: z.object({ value: anything, ms: z.number().default(0), log: z.string().optional() }),
    result: anything,
    run: async ({ value, ms, log }) => {
      if (log) appendFileSync(log, `${process.pid}\n`);
      await sleep(ms);
      return value;
    },
    leavesNothing: true,
  }),
  /** As `echo`, but leaves something behind. */
  leak: jobKind({ name: "leak", input: anything, result: z.number(), run: async () => process.pid }),
  refuse: jobKind({
    name: "refuse",
    input: anything,
    result: anything,
    run: async () => {
      throw new LimbeckError("It can't be done.", { where: "here", hint: "Do something else." });
    },
  }),
  /** Ends its process, the first time or always. */
  crash: jobKind({
    name: "crash",
    input: z.object({ once: z.string().optional() }),
    result: z.string(),
    run: async ({ once }) => {
      if (once && existsSync(once)) return "done";
      if (once) writeFileSync(once, "");
      console.error("something broke");
      process.exit(3);
    },
  }),
  /** Takes memory until it is ended. */
  greedy: jobKind({
    name: "greedy",
    input: anything,
    result: anything,
    run: async () => {
      for (const taken: Buffer[] = []; ; await sleep(20)) taken.push(Buffer.alloc(4e7, 1));
    },
  }),
  /** Gives something else than it says. */
  liar: jobKind({ name: "liar", input: anything, result: z.string(), run: async () => 5 as unknown as string }),
};

serveJobs(kinds);
