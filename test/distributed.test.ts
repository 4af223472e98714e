import { afterAll, describe, expect, test } from "vitest";
import { runDistributed } from "./distributed.ts";
import { scratch } from "./limbeck.ts";
import { redisProgram } from "./redis-server.ts";

const { path: place, remove } = scratch();
afterAll(remove);

// `npm run check:distributed` does the same with 60 trials, 4 workers and 10 of them killed.
describe.runIf(redisProgram)("trials by workers", () => {
  test("that are killed, while Redis is restarted, come to what the local pool comes to, each once", async () => {
    const found = await runDistributed({ place, trials: 10, workers: 2, kills: 2, restart: true });
    expect(found.remote).toEqual(found.local);
    expect(found.told).toEqual(found.local.map(() => 1));
    expect(found.kills).toBeGreaterThan(0);
    expect(found.stranger).toContain("Waiting for jobs of limbeck 0.0.1");
    expect(found.stranger).not.toContain("did ");
  });
});
