// What peers in JavaScript share: each line of standard input asks for { work, variant, iterations }; the answer is { ms: [...] }, with what
// else the work says of itself, or { error } where that variant cannot run here.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * Answers until the input ends.
 *
 * @param peer Name and version.
 * @param work By name, a function from a variant to { run, parameters, times }: what one iteration is, and how many of it the work is (1 unless
 *   given).
 */
export async function serve(peer, work) {
  const ready = new Map();
  const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  say({ peer });
  for await (const line of createInterface({ input: process.stdin })) {
    say(await answer(ready, work, JSON.parse(line)).catch((error) => ({ error: String(error) })));
  }
  process.exit(0);
}

async function answer(ready, makers, { work, variant, iterations }) {
  const key = `${work} ${variant}`;
  if (!ready.has(key)) ready.set(key, await makers[work](variant));
  const { run, parameters, times = 1 } = ready.get(key);
  const ms = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    const start = performance.now();
    await run();
    ms.push(times * (performance.now() - start));
  }
  return { ms, parameters };
}

/** Version of an installed package. */
export function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
}
