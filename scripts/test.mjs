// `npm test`: types, lint, build, tests. The last line is `N passed, N failed`, where each check that fails counts as one failed.
// Arguments go to vitest: `npm test -- src/graph`.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./setup.mjs";

/** Runs a script of an installed package with this very Node. */
function run(script, args, stdio) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, "node_modules", script), ...args], { cwd: root, stdio: ["ignore", stdio, stdio] });
    let output = "";
    child.stdout?.on("data", (text) => (output += text));
    child.stderr?.on("data", (text) => (output += text));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

async function check(name, script, args) {
  const began = Date.now();
  const { ok, output } = await run(script, args, "pipe");
  console.log(`${name}: ${ok ? "ok" : "FAILED"} (${Math.round((Date.now() - began) / 1000)} s)`);
  if (!ok) console.log(output);
  return ok;
}

async function tests(args) {
  const directory = mkdtempSync(join(tmpdir(), "limbeck-tests-"));
  const file = join(directory, "results.json");
  try {
    const { ok } = await run(
      "vitest/vitest.mjs",
      ["run", "--allowOnly=false", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`, ...args],
      "inherit",
    );
    return { ok, ...(existsSync(file) ? tally(JSON.parse(readFileSync(file, "utf8"))) : { passed: 0, failed: 0 }) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A file that fails without a failed test in it (it can't be loaded, a hook throws) counts as one failed. */
function tally({ numPassedTests, numFailedTests, testResults }) {
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  );
  return { passed: numPassedTests, failed: numFailedTests + broken.length };
}

const checks = await Promise.all([
  check("types", "typescript/bin/tsc", ["-p", "."]),
  check("lint", "@biomejs/biome/bin/biome", ["check", "--error-on-warnings", "--diagnostic-level=warn", "--colors=off"]),
  check("build", "tsdown/dist/run.mjs", ["--logLevel", "warn"]),
]);
const result = await tests(process.argv.slice(2));
// What fails outside any test (an unhandled error, vitest itself) shows only in the exit code.
const failed = Math.max(result.failed, result.ok ? 0 : 1) + checks.filter((ok) => !ok).length;
console.log(`${result.passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || result.passed === 0 ? 1 : 0;
