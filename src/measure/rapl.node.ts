import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inTurns, type Runnable } from "./latency.ts";

/** Counts the energy that the machine draws. */
export interface EnergyMeter {
  /** What is counted: `package-0`, `dram`, ... */
  readonly domains: readonly string[];
  /** Starts counting. @returns What gives the joules drawn since. */
  start(): () => number;
}

/** Why energy can't be counted here. */
export interface NoMeter {
  readonly unavailable: string;
}

const POWERCAP = "/sys/class/powercap";

interface Zone {
  readonly domain: string;
  readonly counter: string;
  /** The counter starts again at 0 after so many microjoules. */
  readonly range: number;
}

/**
 * RAPL, the energy counters of Intel's and AMD's processors, as Linux shows them (Documentation/power/powercap in its source): the sum of all
 * packages, and of their memory where that has a counter of its own. What lies within a package (`core`, `uncore`), and `psys`, which is all
 * of the platform, would be counted twice.
 */
export function openEnergyMeter(directory = POWERCAP): EnergyMeter | NoMeter {
  let names: string[];
  try {
    // AMD's counters bear the name of Intel's driver too. `intel-rapl-mmio` is the same package once more.
    names = readdirSync(directory).filter((name) => /^intel-rapl:\d+(:\d+)?$/.test(name));
  } catch {
    names = [];
  }
  if (names.length === 0) return { unavailable: `there is no ${join(POWERCAP, "intel-rapl:*")} here (a virtual machine has none)` };
  try {
    const zones = names.sort().flatMap((name) => zoneOf(join(directory, name)) ?? []);
    if (zones.length === 0) return { unavailable: "none of the counters is that of a package" };
    const read = () => zones.map(({ counter }) => numberIn(counter));
    read();
    return {
      domains: zones.map(({ domain }) => domain),
      start: () => {
        const before = read();
        return () => {
          const after = read();
          return zones.reduce(
            (total, { range }, zone) => total + 1e-6 * difference(before[zone] as number, after[zone] as number, range),
            0,
          );
        };
      },
    };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return {
      unavailable:
        code === "EACCES" || code === "EPERM"
          ? "its counters may be read by root alone (sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj)"
          : `its counters can't be read (${error instanceof Error ? error.message : String(error)})`,
    };
  }
}

/** A zone that is counted; nothing for one that is part of another, or the whole platform. */
function zoneOf(directory: string): Zone | undefined {
  const domain = readFileSync(join(directory, "name"), "utf8").trim();
  if (!/^(package-\d+|dram)/.test(domain)) return undefined;
  return { domain, counter: join(directory, "energy_uj"), range: numberIn(join(directory, "max_energy_range_uj")) };
}

function numberIn(path: string): number {
  const value = Number(readFileSync(path, "utf8"));
  if (!Number.isFinite(value)) throw new Error(`${path} holds no number`);
  return value;
}

/** What a counter that starts again at 0 after `range` went on by, if it did so at most once. */
export function difference(before: number, after: number, range: number): number {
  return after >= before ? after - before : after + range - before;
}

/** Counters move once a millisecond, so a turn must be much longer. */
const TURN_MS = 400;
const ROUNDS = 3;

/** Joules that the machine draws per run of each, measured in turns: all of it, what it takes when idle and other programs take included. */
export async function measureEnergy(
  runnables: readonly Runnable[],
  meter: EnergyMeter,
  milliseconds = TURN_MS,
): Promise<readonly number[]> {
  const drawn = runnables.map(() => ({ joules: 0, runs: 0 }));
  await inTurns(runnables, ROUNDS, async ({ session, feeds }, index) => {
    const total = drawn[index] as { joules: number; runs: number };
    const end = performance.now() + milliseconds;
    const joules = meter.start();
    do {
      await session.run(feeds);
      total.runs++;
    } while (performance.now() < end);
    total.joules += joules();
  });
  return drawn.map(({ joules, runs }) => joules / runs);
}
