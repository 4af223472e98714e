import type { Graph } from "../../graph/graph.ts";
import { writeOnnx } from "../../graph/onnx/write.ts";
import { measureInTurns, type Runnable, randomFeeds } from "../../measure/latency.ts";
import { likenessOf, type Profiled } from "../../measure/likeness.ts";
import { profileGraph } from "../../measure/profile.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { AuditFigures, Size } from "./figures.ts";

/** Parameters, operations and latency of one sample on one thread, measured in turns; and how alike the networks are. */
export async function sizesOf(
  networks: { readonly student: Graph; readonly teacher: Graph },
  runtime: Runtime,
): Promise<Pick<AuditFigures, "sizes" | "ratios" | "likeness">> {
  const [ofStudent, ofTeacher] = [networks.student, networks.teacher].map((graph) => ({ graph, profile: profileGraph(graph) })) as [
    Profiled,
    Profiled,
  ];
  const runnables: Runnable[] = [];
  try {
    for (const { graph } of [ofStudent, ofTeacher]) {
      const batch = graph.inputs[0]?.shape[0];
      const feeds = randomFeeds(graph, typeof batch === "string" ? { [batch]: 1 } : {});
      runnables.push({ session: await runtime.createSession(writeOnnx(graph), { threads: 1 }), feeds });
    }
    const latencies = await measureInTurns(runnables);
    const sizeOf = ({ graph, profile: { parameters, flops } }: Profiled, place: number): Size => {
      return { name: graph.name, parameters, flops, latencyMs: latencies[place]?.median ?? Number.NaN };
    };
    const [student, teacher] = [sizeOf(ofStudent, 0), sizeOf(ofTeacher, 1)];
    return {
      sizes: { student, teacher },
      ratios: {
        parameters: teacher.parameters / student.parameters,
        flops: teacher.flops / student.flops,
        latency: teacher.latencyMs / student.latencyMs,
      },
      likeness: likenessOf(ofStudent, ofTeacher),
    };
  } finally {
    for (const { session } of runnables) await session.release();
  }
}
