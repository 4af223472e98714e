/**
 * Trials by workers that are killed: `npm run check:distributed` (some minutes). 60 small trainings on 4 workers, of which 10 are killed at random
 * while they work; Redis is killed once and started from its append-only file; one worker is of another version. Every trial must end exactly
 * once, with the very student that the local pool makes. Where the machine lets it (Linux, as root), every second worker is in a network namespace
 * of its own, and reaches Redis over a virtual cable.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { runDistributed } from "../test/distributed.ts";
import { scratch } from "../test/limbeck.ts";
import { NO_REDIS, redisProgram } from "../test/redis-server.ts";

if (!redisProgram) throw new Error(`There is ${NO_REDIS}.`);

const NAMESPACE = "limbeck-check";
const HOST = "10.231.77.1";

const ip = (...words: readonly string[]): boolean => spawnSync("ip", words, { stdio: "ignore" }).status === 0;

/** A network namespace that is connected to this one. */
function otherNetwork(): { readonly host: string; readonly under: readonly string[] } | undefined {
  const made =
    ip("netns", "add", NAMESPACE) &&
    ip("link", "add", "limbeck0", "type", "veth", "peer", "name", "limbeck1", "netns", NAMESPACE) &&
    ip("addr", "add", `${HOST}/30`, "dev", "limbeck0") &&
    ip("link", "set", "limbeck0", "up") &&
    ip("-n", NAMESPACE, "addr", "add", "10.231.77.2/30", "dev", "limbeck1") &&
    ip("-n", NAMESPACE, "link", "set", "limbeck1", "up");
  return made ? { host: HOST, under: ["ip", "netns", "exec", NAMESPACE] } : undefined;
}

const { path: place, remove } = scratch();
const network = otherNetwork();
console.log(network ? "Every second worker is in a network of its own." : "All workers are in this network: no other can be made here.");
try {
  const found = await runDistributed({ place, trials: 60, workers: 4, kills: 12, restart: true, network, say: console.log });
  assert.deepEqual(found.remote, found.local, "the workers' results are those of the local pool");
  assert.deepEqual(new Set(found.told), new Set([1]), "each trial ends once");
  assert(found.kills >= 10, `${found.kills} workers were killed, not 10`);
  assert(!found.stranger.includes("did "), "a worker of another version did a job");
  console.log(`60 trials, ${found.kills} workers killed, Redis restarted once: each trial ended once, its student the same bit for bit.`);
} finally {
  if (network) ip("netns", "del", NAMESPACE);
  remove();
}
