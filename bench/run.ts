import { cpus } from "node:os";
import { writeSection } from "../scripts/page-section.ts";
import { writeAtomically } from "../src/run/files.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { startPeer } from "./peer.ts";
import { convolution, matrixProduct, mlpStep, type Work } from "./work.ts";

/** Rounds of A B A B; the median over all iterations of all rounds is what counts. */
const ROUNDS = 9;
const WARMUP = 3;

interface Benchmark {
  readonly name: string;
  readonly make: (runtime: ReturnType<typeof nodeRuntime>) => Promise<Work>;
  readonly iterations: number;
  readonly flops: number;
  /** The peer's ways of doing it; the fastest counts. */
  readonly peers: readonly string[];
}

const benchmarks: readonly Benchmark[] = [
  { name: "matrix product 1024³", make: matrixProduct, iterations: 5, flops: 2 * 1024 ** 3, peers: [] },
  {
    name: "MLP step 784-1200-1200-10, batch 128",
    make: mlpStep,
    iterations: 5,
    flops: 6 * 128 * (784 * 1200 + 1200 * 1200 + 1200 * 10) - 2 * 128 * 784 * 1200,
    peers: ["mlp-step"],
  },
  {
    name: "conv 3×3 64→64, 32×32, batch 64, forward and backward",
    make: convolution,
    iterations: 2,
    flops: 6 * 64 * 32 * 32 * 64 * 64 * 9,
    peers: ["conv", "conv channels-last"],
  },
];

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] as number;

async function timed(work: Work, iterations: number): Promise<number[]> {
  const times: number[] = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times;
}

const onlyAt = process.argv.indexOf("--only");
const only = onlyAt < 0 ? "" : (process.argv[onlyAt + 1] ?? "");
const runtime = nodeRuntime();
const peer = await startPeer("pytorch.py");
if (!peer)
  console.log(
    "PyTorch is not there (pip install -r bench/peers/requirements.txt; LIMBECK_PYTHON names the interpreter): timing Limbeck alone.\n",
  );

const results: { name: string; ms: number; gflops: number; peerMs: Record<string, number>; ratio: number | null }[] = [];
for (const { name, make, iterations, flops, peers } of benchmarks.filter((benchmark) => benchmark.name.includes(only))) {
  const work = await make(runtime);
  await timed(work, WARMUP);
  for (const way of peers) await peer?.run(way, WARMUP);
  const ours: number[] = [];
  const theirs = new Map<string, number[]>(peers.map((way) => [way, []]));
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(...(await timed(work, iterations)));
    for (const way of peers) theirs.get(way)?.push(...((await peer?.run(way, iterations)) ?? []));
  }
  const peerMs = peer && peers.length > 0 ? Object.fromEntries(Array.from(theirs, ([way, times]) => [way, median(times)])) : {};
  const best = Math.min(...Object.values(peerMs));
  const ms = median(ours);
  results.push({ name, ms, gflops: flops / ms / 1e6, peerMs, ratio: Number.isFinite(best) ? best / ms : null });
  const rate = `${(flops / ms / 1e6).toFixed(0)} GFLOP/s`;
  const others = Object.entries(peerMs).map(([way, time]) => `${way} ${time.toFixed(1)} ms`);
  console.log(
    `${name}\n  Limbeck ${ms.toFixed(1)} ms (${rate})${others.length > 0 ? `; ${peer?.name}: ${others.join(", ")}; peer/Limbeck ${(best / ms).toFixed(2)}` : ""}`,
  );
}
peer?.stop();
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}`;
await writeAtomically(
  "bench/results.json",
  `${JSON.stringify({ machine, runtime: runtime.version, peer: peer?.name ?? null, rounds: ROUNDS, results }, null, 2)}\n`,
);
if (only === "")
  await writeSection(
    "docs/performance.md",
    "bench",
    [`${machine}; ${runtime.version}${peer ? `; ${peer.name}, same run` : ""}.`, "", ...table()].join("\n"),
  );
process.exit(0);

function table(): string[] {
  const rows = results.map(({ name, ms, gflops, peerMs, ratio }) => {
    const others = Object.entries(peerMs).map(
      ([way, time]) => `${time.toFixed(1)}${way.includes(" ") ? ` (${way.split(" ").slice(1).join(" ")})` : ""}`,
    );
    return `| ${name} | ${ms.toFixed(1)} | ${gflops.toFixed(0)} | ${others.join(", ") || "-"} | ${ratio?.toFixed(2) ?? "-"} |`;
  });
  return ["| work | Limbeck, ms | GFLOP/s | PyTorch, ms | PyTorch / Limbeck |", "| --- | --- | --- | --- | --- |", ...rows];
}
