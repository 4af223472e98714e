/**
 * Trials by workers that are killed: `npm run check:distributed` (some minutes). 60 small trainings on 4 workers, of which 10 are killed at random
 * while they work; Redis is killed once and started from its append-only file; one worker is of another version. Every trial must end exactly
 * once, with the very student that the local pool makes.
 */
import assert from "node:assert/strict";
import { runDistributed } from "../test/distributed.ts";
import { scratch } from "../test/limbeck.ts";
import { NO_REDIS, redisProgram } from "../test/redis-server.ts";

if (!redisProgram) throw new Error(`There is ${NO_REDIS}.`);
const { path: place, remove } = scratch();
try {
  const found = await runDistributed({ place, trials: 60, workers: 4, kills: 12, restart: true, say: console.log });
  assert.deepEqual(found.remote, found.local, "the workers' results are those of the local pool");
  assert.deepEqual(new Set(found.told), new Set([1]), "each trial ends once");
  assert(found.kills >= 10, `${found.kills} workers were killed, not 10`);
  assert(!found.stranger.includes("did "), "a worker of another version did a job");
  console.log(`60 trials, ${found.kills} workers killed, Redis restarted once: each trial ended once, its student the same bit for bit.`);
} finally {
  remove();
}
