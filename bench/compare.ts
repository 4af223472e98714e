import { setTimeout } from "node:timers/promises";
import { type Answer, type Contestant, type Request, startLimbeck, startPeer } from "./contestant.ts";
import type { Row } from "./rows.ts";

/** One way of doing a row's work: milliseconds, or bytes. */
export interface Measured {
  readonly name: string;
  readonly value: number;
}

/** What came of one row. */
export interface Comparison {
  /** Name and version of what Limbeck ran on. */
  readonly runtime: string;
  readonly limbeck: number;
  /** Name and version of the peer. */
  readonly peer?: string;
  /** Its ways of doing the work that were measured, the best first. */
  readonly variants?: readonly Measured[];
  /** Its ways that failed, and why. */
  readonly failed?: Readonly<Record<string, string>>;
  /** Of the products in one iteration. */
  readonly flops?: number;
  /** The machine's matrix-product rate meanwhile, in FLOP/s, by who multiplied. */
  readonly ceiling?: Readonly<Record<string, number>>;
  readonly rounds: number;
}

/** Iterations before anything counts. */
const WARMUP = 3;
/** Variants that are this much slower than the best in the warm-up are left there. */
const CLEARLY_SLOWER = 1.2;
/** Milliseconds of work that a turn should last. */
const TURN = 500;
const MAX_ITERATIONS = 20;
/** Milliseconds between turns, in which the threads of the last one stop spinning. */
const PAUSE = 30;
const CEILING: Omit<Request, "iterations"> = { work: "matrix-product", variant: "eager" };
const CEILING_ITERATIONS = 5;
const CEILING_FLOPS = 2 * 1024 ** 3;

export const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;

/** Times a row turn by turn: Limbeck, each of the peer's variants, the matrix products, and again. Medians over all iterations. */
export async function compareTimes(row: Row, rounds: number): Promise<Comparison> {
  const limbeck = await startLimbeck();
  const peer = row.peer && (await startPeer(row.peer.name));
  // The ceiling is PyTorch's too, whoever the peer is.
  const multiplier = row.peer?.name === "pytorch" ? peer : await startPeer("pytorch");
  try {
    const own = { work: row.work, variant: "eager" };
    const first = await required(limbeck, { ...own, iterations: WARMUP });
    const { contenders, failed } = await screened(row, peer, first);
    const turns: [key: string, Contestant, Request][] = [
      ["limbeck", limbeck, { ...own, iterations: iterationsFor(fastest(first)) }],
      ...contenders.map(({ name, value }): [string, Contestant, Request] => [
        name,
        peer as Contestant,
        { work: row.peer?.work ?? "", variant: name, iterations: iterationsFor(value) },
      ]),
    ];
    const multipliers = [limbeck, ...(multiplier ? [multiplier] : [])];
    for (const each of multipliers) await required(each, { ...CEILING, iterations: WARMUP });
    for (const each of multipliers) turns.push([`ceiling ${each.name}`, each, { ...CEILING, iterations: CEILING_ITERATIONS }]);
    const times = await inTurns(turns, rounds);
    const at = (key: string): number => median(times.get(key) ?? []);
    const variants = contenders.map(({ name }) => ({ name, value: at(name) })).sort((a, b) => a.value - b.value);
    return {
      runtime: limbeck.name,
      limbeck: at("limbeck"),
      ...(peer && { peer: peer.name, variants, failed }),
      flops: first.flops,
      ceiling: Object.fromEntries(multipliers.map(({ name }) => [name, (1000 * CEILING_FLOPS) / at(`ceiling ${name}`)])),
      rounds,
    };
  } finally {
    for (const each of new Set([limbeck, peer, multiplier])) each?.stop();
  }
}

const fastest = ({ ms = [] }: Answer): number => Math.min(...ms);

/** How many iterations of so many milliseconds make a turn. */
const iterationsFor = (ms: number): number => Math.max(1, Math.min(MAX_ITERATIONS, Math.round(TURN / ms)));

async function inTurns(turns: readonly [string, Contestant, Request][], rounds: number): Promise<ReadonlyMap<string, number[]>> {
  const times = new Map<string, number[]>(turns.map(([key]) => [key, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [key, contestant, request] of turns) {
      await setTimeout(PAUSE);
      times.get(key)?.push(...((await required(contestant, request)).ms ?? []));
    }
  }
  return times;
}

/** Warms up each of the peer's variants; those that come near its best are measured. */
async function screened({ peer: asked, id }: Row, peer: Contestant | undefined, own: Answer) {
  const warm: Measured[] = [];
  const failed: Record<string, string> = {};
  for (const variant of (peer && asked?.variants) ?? []) {
    const answer = await (peer as Contestant).ask({ work: asked?.work ?? "", variant, iterations: WARMUP });
    if (answer.ms) warm.push({ name: variant, value: fastest(answer) });
    else failed[variant] = answer.error ?? "";
    if (answer.ms && (answer.parameters ?? null) !== own.parameters) {
      throw new Error(`${id}: ${peer?.name}'s network has ${answer.parameters} parameters, Limbeck's ${own.parameters}.`);
    }
  }
  const best = Math.min(...warm.map(({ value }) => value));
  return { contenders: warm.filter(({ value }) => value < CLEARLY_SLOWER * best), failed };
}

async function required(contestant: Contestant, request: Request): Promise<Answer> {
  const answer = await contestant.ask(request);
  if (!answer.ms) throw new Error(`${contestant.name} cannot run ${request.work} (${request.variant}): ${answer.error}`);
  return answer;
}
