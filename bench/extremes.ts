import { spawnSync } from "node:child_process";
import { type Comparison, median } from "./compare.ts";
import { type Contestant, startLimbeck, startPeer } from "./contestant.ts";
import type { Row } from "./rows.ts";

/** Iterations after which a training process has held the most memory that it will. */
const ITERATIONS = 5;

/** Peak memory of a process that only does a row's work, in bytes: a fresh process for Limbeck and for each of the peer's variants. */
export async function compareMemory(row: Row): Promise<Comparison> {
  const limbeck = await startLimbeck();
  const own = await peakOf(limbeck, row.work, "eager");
  if (typeof own === "string") throw new Error(`${row.id}: ${own}`);
  const variants: { name: string; value: number }[] = [];
  const failed: Record<string, string> = {};
  let name: string | undefined;
  for (const variant of row.peer?.variants ?? []) {
    const peer = row.peer && (await startPeer(row.peer.name));
    if (!peer) break;
    name = peer.name;
    const peak = await peakOf(peer, row.peer?.work ?? "", variant);
    if (typeof peak === "string") failed[variant] = peak;
    else variants.push({ name: variant, value: peak });
  }
  variants.sort((a, b) => a.value - b.value);
  return { runtime: limbeck.name, limbeck: own, ...(name !== undefined && { peer: name, variants, failed }), rounds: 1 };
}

/** Bytes, or why there are none. */
async function peakOf(contestant: Contestant, work: string, variant: string): Promise<number | string> {
  try {
    const { peakBytes, error } = await contestant.ask({ work, variant, iterations: ITERATIONS });
    return peakBytes ?? error ?? "this system does not say how much memory a process has held";
  } finally {
    contestant.stop();
  }
}

/** Runs of a command before anything counts: what they read stays in the system's cache. */
const WARMUP = 2;

/** Milliseconds of `node dist/cli.js --help` from start to end, beside a Node that does nothing. */
export function compareStart(rounds: number): Comparison {
  const time = (...args: readonly string[]): number => {
    const start = performance.now();
    const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
    if (status !== 0) throw new Error(`node ${args.join(" ")} ends with ${status}.`);
    return performance.now() - start;
  };
  const [help, nothing]: [number[], number[]] = [[], []];
  for (let round = -WARMUP; round < rounds; round++) {
    const times = [time("dist/cli.js", "--help"), time("-e", "0")] as const;
    if (round < 0) continue;
    help.push(times[0]);
    nothing.push(times[1]);
  }
  return {
    runtime: `Node ${process.version}`,
    limbeck: median(help),
    peer: `Node ${process.version}`,
    variants: [{ name: "node -e 0", value: median(nothing) }],
    rounds,
  };
}
