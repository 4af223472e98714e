import { LimbeckError } from "../../errors.ts";
import { connectRedis } from "../../search/redis/connection.ts";
import { type QueueState, queuesOf, stateOf } from "../../search/redis/queue.ts";
import { printJson } from "../output.ts";

interface JobsCommandOptions {
  readonly redis?: string;
  readonly clear?: boolean;
  readonly json?: boolean;
}

/** `limbeck jobs` */
export async function jobsCommand({ redis, clear, json }: JobsCommandOptions): Promise<void> {
  if (!redis) throw new LimbeckError("Which Redis?", { hint: "Give its URL by --redis or LIMBECK_REDIS." });
  const connection = await connectRedis(redis);
  try {
    const states: QueueState[] = [];
    for (const { versions, queue } of (await queuesOf(connection.redis)).values()) {
      if (clear) await queue.drain(true);
      states.push(await stateOf(versions, queue));
      await queue.close();
    }
    if (json) return printJson(states);
    process.stdout.write(states.length === 0 ? "There are no jobs.\n" : states.map(stateLines).join("\n"));
  } finally {
    connection.close();
  }
}

function stateLines({ versions, workers, waiting, active, completed, failed, underWay }: QueueState): string {
  const counts = `${waiting} waiting, ${active} under way, ${completed} done, ${failed} failed; ${workers} ${workers === 1 ? "worker" : "workers"}`;
  return [versions, `  ${counts}`, ...underWay.map((name) => `  - ${name}`), ""].join("\n");
}
