import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), "utf8"));
const { packages } = read("package-lock.json") as { packages: Readonly<Record<string, LockedPackage>> };

test("the lock file has every package, for every platform, so that npm ci works anywhere", () => {
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`])
      .map((name) => `${path || "limbeck"} needs ${name}`),
  );
  expect(missing).toEqual([]);
});

test("the lock file names no host", () => {
  const hosts = Object.values(packages).flatMap(({ resolved }) =>
    resolved && !resolved.startsWith("https://registry.npmjs.org/") ? [resolved] : [],
  );
  expect(hosts).toEqual([]);
});

test("onnxruntime's packages are of one version", () => {
  const versions = ["common", "node", "web"].map((name) => packages[`node_modules/onnxruntime-${name}`]?.version);
  expect(new Set(versions).size).toBe(1);
});
