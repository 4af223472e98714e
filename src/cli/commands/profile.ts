import { basename } from "node:path";
import { formatShape, type Graph } from "../../graph/graph.ts";
import { symbolicDimensions } from "../../graph/rewrite/infer.ts";
import { type LatencySummary, measureLatency, randomFeeds } from "../../measure/latency.ts";
import { type LayerLatency, latencyByLayer } from "../../measure/layer-latency.ts";
import { type Profile, profileGraph } from "../../measure/profile.ts";
import { columns } from "../../report/columns.ts";
import { formatBytes, formatCount, formatMilliseconds, formatPercent } from "../../report/format.ts";
import { readOnnxFile } from "../../run/onnx-file.ts";
import { nodeRuntime, timeNodes } from "../../runtime/node.ts";
import type { Device } from "../../runtime/runtime.ts";
import { printJson } from "../output.ts";

interface ProfileOptions {
  readonly batch: number;
  readonly size?: Readonly<Record<string, number>>;
  readonly threads?: number;
  readonly device?: Device;
  readonly layers?: boolean;
  readonly json?: boolean;
}

/** What the table shows of the layers unless asked for all. */
const SLOWEST = 10;

/** `limbeck profile MODEL.onnx` */
export async function profileCommand(path: string, { batch, size = {}, threads, device, layers, json }: ProfileOptions): Promise<void> {
  const { graph, bytes } = await readOnnxFile(path);
  const profile = profileGraph(graph, size);
  const dimension = graph.inputs[0]?.shape[0];
  const batches = typeof dimension === "string" ? [...new Set([1, batch])] : [Number(dimension ?? 1)];
  const feeds = (samples: number) => randomFeeds(graph, { ...(typeof dimension === "string" && { [dimension]: samples }), ...size });
  const session = await nodeRuntime({ device, threads }).createSession(bytes);
  const latencies: BatchLatency[] = [];
  for (const samples of batches) latencies.push({ batch: samples, ...(await measureLatency(session, feeds(samples))) });
  await session.release();
  const timed = latencyByLayer(profile.layers, await timeNodes(bytes, feeds(batches.at(-1) ?? 1), { threads }));
  if (json) return printJson({ ...asJson(path, bytes, profile, latencies, timed.layers, threads), device: device ?? "cpu" });
  process.stdout.write(
    [
      `${basename(path)}: ${describeValues(graph)}`,
      "",
      ...totals(bytes, profile, latencies, device && device !== "cpu" ? device : `${threads ?? "all"} threads`),
      "",
      ...operatorTable(profile),
      "",
      ...layerTable(timed.layers, timed.rest, batches.at(-1) ?? 1, layers ?? false),
      "",
    ].join("\n"),
  );
}

interface BatchLatency extends LatencySummary {
  readonly batch: number;
}

function describeValues(graph: Graph): string {
  const side = (values: Graph["inputs"]) => values.map(({ name, shape }) => `${name} ${formatShape(shape)}`).join(", ");
  const open = symbolicDimensions(graph);
  return `${side(graph.inputs)} -> ${side(graph.outputs)}${open.length > 1 ? `; open sizes ${open.join(", ")}` : ""}`;
}

function totals(bytes: Uint8Array, profile: Profile, latencies: readonly BatchLatency[], where: string): string[] {
  const per = profile.batch === 1 ? "per sample" : `batch ${profile.batch}`;
  return [
    ["Parameters", formatCount(profile.parameters)],
    [`FLOPs, ${per}`, `${formatCount(profile.flops)} (${formatCount(profile.macs)} multiply-adds, two FLOPs each)`],
    ["File", formatBytes(bytes.length)],
    ["Peak activations", `${formatBytes(profile.peakActivationBytes)} (batch ${profile.batch})`],
    ...latencies.map(({ batch, median, p95 }) => [
      `Latency, batch ${batch}`,
      `${formatMilliseconds(median)} median, ${formatMilliseconds(p95)} 95th percentile, ${where}`,
    ]),
  ].map(([label = "", value = ""]) => `${label.padEnd(20)}${value}`);
}

function operatorTable({ operators, flops: total }: Profile): string[] {
  return columns(
    ["operator", "count", "FLOPs", "share"],
    operators.map(({ op, count, flops }) => [op, String(count), formatCount(flops), formatPercent(flops / Math.max(1, total), 1)]),
  );
}

function layerTable(layers: readonly LayerLatency[], rest: number, batch: number, all: boolean): string[] {
  const total = layers.reduce((sum, { milliseconds }) => sum + milliseconds, rest) || 1;
  const row = (name: string, milliseconds: number, ...cells: readonly string[]): string[] => [
    name,
    ...cells,
    formatMilliseconds(milliseconds),
    formatPercent(milliseconds / total, 1),
  ];
  const shown = all ? layers : layers.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, SLOWEST);
  return [
    ...columns(
      [`layer${all ? "" : " (the slowest)"}`, "operator", "output", "parameters", "FLOPs", "memory", `time, batch ${batch}`, "share"],
      [
        ...shown.map(({ layer, milliseconds }) =>
          row(
            layer.name,
            milliseconds,
            layer.op,
            formatShape(layer.shape),
            formatCount(layer.parameters),
            formatCount(layer.flops),
            formatBytes(layer.activationBytes),
          ),
        ),
        ...(rest > 0 ? [row("(the runtime's own changes of layout)", rest, "", "", "", "", "")] : []),
      ],
    ),
    ...(shown.length < layers.length ? [`... and ${layers.length - shown.length} more: --layers shows all, in order.`] : []),
  ];
}

function asJson(
  path: string,
  bytes: Uint8Array,
  profile: Profile,
  latencies: readonly BatchLatency[],
  layers: readonly LayerLatency[],
  threads: number | undefined,
) {
  return {
    model: basename(path),
    batch: profile.batch,
    parameters: profile.parameters,
    flops: profile.flops,
    macs: profile.macs,
    fileBytes: bytes.length,
    peakActivationBytes: profile.peakActivationBytes,
    threads: threads ?? null,
    latencyMs: latencies,
    operators: profile.operators,
    layers: layers.map(({ layer: { nodes: _, values: __, ...layer }, milliseconds }) => ({ ...layer, milliseconds })),
    nodes: profile.nodes,
  };
}
