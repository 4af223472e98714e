import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Another framework in a process of its own, which runs a piece of work when asked and is idle otherwise. */
export interface Peer {
  readonly name: string;
  /** Milliseconds of each iteration. */
  run(work: string, iterations: number): Promise<readonly number[]>;
  stop(): void;
}

/** Starts a peer; `undefined` where its Python or packages are not there. @param script Under bench/peers/. */
export async function startPeer(script: string): Promise<Peer | undefined> {
  const child = spawn(process.env.LIMBECK_PYTHON ?? "python3", [fileURLToPath(new URL(`./peers/${script}`, import.meta.url))], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const failed = new Promise<undefined>((resolve) => {
    child.once("error", () => resolve(undefined));
    child.once("exit", () => resolve(undefined));
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const line = await Promise.race([lines.next(), failed]);
    return line?.value ? (JSON.parse(line.value) as Record<string, unknown>) : undefined;
  };
  const hello = await read();
  if (!hello) return undefined;
  return {
    name: String(hello.peer),
    run: async (work, iterations) => {
      child.stdin.write(`${JSON.stringify({ work, iterations })}\n`);
      const answer = await read();
      if (!answer) throw new Error(`The peer stopped while it ran ${work}.`);
      return answer.ms as number[];
    },
    stop: () => child.stdin.end(),
  };
}
