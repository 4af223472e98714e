import { basename } from "node:path";
import { formatShape, type Graph } from "../../graph/graph.ts";
import { readOnnx } from "../../graph/onnx/read.ts";
import { measureLatency, randomFeeds } from "../../measure/latency.ts";
import { profileGraph } from "../../measure/profile.ts";
import { formatBytes, formatCount, formatMilliseconds } from "../../report/format.ts";
import { readBytes } from "../../run/files.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { printJson } from "../output.ts";

interface ProfileOptions {
  readonly batch: number;
  readonly threads?: number;
  readonly json?: boolean;
}

/** `limbeck profile MODEL.onnx` */
export async function profileCommand(path: string, { batch, threads, json }: ProfileOptions): Promise<void> {
  const bytes = await readBytes(path);
  const graph = readOnnx(bytes, path);
  const profile = profileGraph(graph);
  const session = await nodeRuntime({ threads }).createSession(bytes);
  const latency = await measureLatency(session, randomFeeds(graph, batchSize(graph, batch)));
  await session.release();
  const costs = {
    parameters: profile.parameters,
    flops: profile.flops,
    macs: profile.macs,
    fileBytes: bytes.length,
    peakActivationBytes: profile.peakActivationBytes,
  };
  if (json)
    return printJson({
      model: basename(path),
      ...costs,
      latencyMs: { batch, threads: threads ?? null, ...latency },
      operators: profile.operators,
      nodes: profile.nodes,
    });
  const total = Math.max(1, profile.flops);
  process.stdout.write(
    [
      `${basename(path)}: ${graph.inputs.map(({ name, shape }) => `${name} ${formatShape(shape)}`).join(", ")} -> ${graph.outputs.map(({ name, shape }) => `${name} ${formatShape(shape)}`).join(", ")}`,
      "",
      `Parameters        ${formatCount(profile.parameters)}`,
      `FLOPs per sample  ${formatCount(profile.flops)} (${formatCount(profile.macs)} multiply-adds)`,
      `File              ${formatBytes(bytes.length)}`,
      `Peak activations  ${formatBytes(profile.peakActivationBytes)} (batch 1)`,
      `Latency, batch ${batch}  ${formatMilliseconds(latency.median)} median, ${formatMilliseconds(latency.p95)} 95th percentile, ${threads ?? "all"} threads`,
      "",
      ...table(
        ["operator", "count", "FLOPs", "share"],
        profile.operators.map(({ op, count, flops }) => [op, String(count), formatCount(flops), `${((100 * flops) / total).toFixed(1)} %`]),
      ),
      "",
    ].join("\n"),
  );
}

/** Sets the symbolic batch dimension. */
function batchSize(graph: Graph, batch: number): Record<string, number> {
  const dimension = graph.inputs[0]?.shape[0];
  return typeof dimension === "string" ? { [dimension]: batch } : {};
}

/** Columns aligned: the first to the left, the others to the right. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[column] as number))).join("  "),
  );
}
