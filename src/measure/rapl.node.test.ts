import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Session } from "../runtime/runtime.ts";
import { difference, type EnergyMeter, measureEnergy, openEnergyMeter } from "./rapl.node.ts";

const place = mkdtempSync(join(tmpdir(), "limbeck-rapl-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const RANGE = 262_143_328_850;

/** A directory like /sys/class/powercap: names of zones by their files, each with a counter of microjoules. */
function powercap(name: string, zones: Readonly<Record<string, readonly [domain: string, energy: number]>>): string {
  const directory = join(place, name);
  mkdirSync(join(directory, "intel-rapl"), { recursive: true });
  for (const [zone, [domain, energy]] of Object.entries(zones)) {
    mkdirSync(join(directory, zone), { recursive: true });
    writeFileSync(join(directory, zone, "name"), `${domain}\n`);
    writeFileSync(join(directory, zone, "max_energy_range_uj"), `${RANGE}\n`);
    set(directory, zone, energy);
  }
  return directory;
}

const set = (directory: string, zone: string, energy: number) => writeFileSync(join(directory, zone, "energy_uj"), `${energy}\n`);

describe("the energy meter", () => {
  test("adds up packages and their memory, each once", () => {
    const directory = powercap("two", {
      "intel-rapl:0": ["package-0", 1000],
      "intel-rapl:0:0": ["core", 5],
      "intel-rapl:0:1": ["dram", 70],
      "intel-rapl:1": ["package-1", 2000],
      "intel-rapl:2": ["psys", 10],
      "intel-rapl-mmio:0": ["package-0", 1000],
    });
    const meter = openEnergyMeter(directory) as EnergyMeter;
    expect(meter.domains).toEqual(["package-0", "dram", "package-1"]);
    const joules = meter.start();
    expect(joules()).toBe(0);
    for (const zone of ["intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1", "intel-rapl:2", "intel-rapl-mmio:0"]) set(directory, zone, 3e6);
    expect(joules()).toBeCloseTo(2.999 + 2.998, 9);
  });

  test("goes on where a counter starts again at 0", () => {
    const directory = powercap("around", { "intel-rapl:0": ["package-0", RANGE - 1_500_000] });
    const joules = (openEnergyMeter(directory) as EnergyMeter).start();
    set(directory, "intel-rapl:0", 500_000);
    expect(joules()).toBeCloseTo(2, 9);
  });

  test("counts what went by, wherever the counter began", () => {
    fc.assert(
      fc.property(fc.nat(RANGE - 1), fc.nat(RANGE - 1), (before, step) => {
        expect(difference(before, (before + step) % RANGE, RANGE)).toBe(step);
      }),
    );
  });

  test.each<[what: string, directory: () => string, reason: RegExp]>([
    ["nowhere", () => join(place, "nowhere"), /^there is no .*intel-rapl/],
    ["with no counters", () => powercap("none", {}), /^there is no .*intel-rapl/],
    ["with psys alone", () => powercap("psys", { "intel-rapl:0": ["psys", 1] }), /^none of the counters is that of a package/],
    [
      "with a counter that can't be read",
      () => {
        const directory = powercap("closed", { "intel-rapl:0": ["package-0", 1] });
        rmSync(join(directory, "intel-rapl:0/energy_uj"));
        mkdirSync(join(directory, "intel-rapl:0/energy_uj"));
        return directory;
      },
      /^its counters can't be read \(EISDIR/,
    ],
    [
      "with a counter of no number",
      () => {
        const directory = powercap("words", { "intel-rapl:0": ["package-0", 1] });
        writeFileSync(join(directory, "intel-rapl:0/energy_uj"), "much\n");
        return directory;
      },
      /^its counters can't be read \(.*energy_uj holds no number/,
    ],
  ])("is none %s, and says why", (_, directory, reason) => {
    expect(openEnergyMeter(directory())).toEqual({ unavailable: expect.stringMatching(reason) });
  });
});

test("energy per run, of several in turns", async () => {
  let drawn = 0;
  const session = (joules: number): Session => ({
    inputNames: [],
    outputNames: [],
    run: async () => {
      drawn += joules;
      return {};
    },
    release: async () => {},
  });
  const meter: EnergyMeter = {
    domains: ["package-0"],
    start: () => {
      const before = drawn;
      return () => drawn - before;
    },
  };
  const perRun = await measureEnergy(
    [session(3), session(0.5)].map((one) => ({ session: one, feeds: {} })),
    meter,
    1,
  );
  expect(perRun[0]).toBeCloseTo(3, 6);
  expect(perRun[1]).toBeCloseTo(0.5, 6);
});
