import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What a contestant is asked, one line of JSON each. */
export interface Request {
  readonly work: string;
  /** One of its ways of doing the work. */
  readonly variant: string;
  readonly iterations: number;
}

/** What it answers: milliseconds of each iteration, or why it cannot do that here. */
export interface Answer {
  readonly ms?: readonly number[];
  /** Of one iteration; only Limbeck counts them. */
  readonly flops?: number;
  /** Of the network trained or asked. */
  readonly parameters?: number | null;
  /** The most memory that its process has held; null where the system does not say. */
  readonly peakBytes?: number | null;
  readonly error?: string;
}

/** A framework in a process of its own, which runs a piece of work when asked and is idle otherwise. */
export interface Contestant {
  /** Name and version, as it says itself. */
  readonly name: string;
  ask(request: Request): Promise<Answer>;
  stop(): void;
}

/** Of what a process wrote to its standard error, the characters that a message about its end repeats. */
const LAST_WORDS = 600;

/** Starts a contestant. @returns What it said last, where it ends before it says its name, because a package is missing for instance. */
export async function startContestant(command: string, args: readonly string[]): Promise<Contestant | string> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (text: Buffer) => {
    said = (said + text.toString()).slice(-LAST_WORDS);
  });
  // A process that ends closes its output, which is how its end is seen.
  child.stdin.on("error", () => undefined);
  child.on("error", (error) => {
    said += error.message;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { value } = await lines.next();
    return value === undefined ? undefined : (JSON.parse(value as string) as Answer & { readonly peer?: string });
  };
  const hello = await read();
  if (!hello?.peer) return said.trim() || `${command} ended without a word`;
  return {
    name: hello.peer,
    ask: async (request) => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const answer = await read();
      if (!answer) throw new Error(`${hello.peer} ended while it ran ${request.work} (${request.variant}): ${said.trim()}`);
      return answer;
    },
    stop: () => child.stdin.end(),
  };
}

export type PeerName = "pytorch" | "jax-js" | "tfjs";

const python = process.env.LIMBECK_PYTHON ?? "python3";
const commands: Readonly<Record<PeerName | "limbeck", readonly [command: string, ...args: string[]]>> = {
  limbeck: [process.execPath, "bench/dist/limbeck.js"],
  pytorch: [python, "bench/peers/pytorch.py"],
  "jax-js": [process.execPath, "bench/peers/js/jax.mjs"],
  tfjs: [process.execPath, "bench/peers/js/tfjs.mjs"],
};
const hints: Readonly<Record<PeerName, string>> = {
  pytorch: "pip install -r bench/peers/requirements.txt; LIMBECK_PYTHON names the interpreter",
  "jax-js": "npm install --prefix bench/peers/js",
  tfjs: "npm install --prefix bench/peers/js",
};

/** Starts Limbeck's own process. */
export async function startLimbeck(): Promise<Contestant> {
  const [command, ...args] = commands.limbeck;
  const limbeck = await startContestant(command, args);
  if (typeof limbeck === "string") throw new Error(`Limbeck does not start: ${limbeck}`);
  return limbeck;
}

const missing = new Set<PeerName>();

/** Starts a peer; `undefined`, with one message, where it is not installed. */
export async function startPeer(name: PeerName): Promise<Contestant | undefined> {
  if (missing.has(name)) return undefined;
  const [command, ...args] = commands[name];
  const peer = await startContestant(command, args);
  if (typeof peer !== "string") return peer;
  missing.add(name);
  console.log(`${name} does not run here (${hints[name]}): ${peer.split("\n").at(-1)}`);
  return undefined;
}
