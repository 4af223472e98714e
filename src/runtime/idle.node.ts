import { cpus } from "node:os";
import { setTimeout } from "node:timers/promises";

/** How long the machine is watched, and the share of its time that must be free. */
const MILLISECONDS = 100;
const FREE = 0.85;

let watched: Promise<boolean> | undefined;

/** Whether nobody else was using the machine's cores when this process first asked. */
export function isIdle(): Promise<boolean> {
  watched ??= watch();
  return watched;
}

async function watch(): Promise<boolean> {
  const before = times();
  await setTimeout(MILLISECONDS);
  const after = times();
  return after.idle - before.idle >= FREE * (after.all - before.all);
}

function times(): { readonly idle: number; readonly all: number } {
  const cores = cpus().map((core) => core.times);
  const sum = (of: (core: (typeof cores)[number]) => number) => cores.reduce((total, core) => total + of(core), 0);
  return { idle: sum(({ idle }) => idle), all: sum(({ user, nice, sys, idle, irq }) => user + nice + sys + idle + irq) };
}
