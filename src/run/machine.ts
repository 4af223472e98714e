import { cpus, release, totalmem, type } from "node:os";
import type { Machine } from "../report/report.ts";

export function thisMachine(): Machine {
  return { cpu: cpus()[0]?.model.trim() ?? "unknown", cores: cpus().length, memoryBytes: totalmem(), os: `${type()} ${release()}` };
}
