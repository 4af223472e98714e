import { LimbeckError } from "../errors.ts";
import { formatShape } from "../graph/graph.ts";
import { namePattern } from "../graph/name-pattern.ts";
import type { AttentionPart, FeatureLoss } from "../losses/loss.ts";
import type { Tap } from "./taps.ts";

/** What a recipe writes for a pair: one name for both networks, or the student's and the teacher's. */
export type PairRecipe = string | readonly [student: string, teacher: string];

/** How the series of a loss, such as blocks, are put together where one is longer: every so manyth of it, or its last ones. */
export type PairMap = "uniform" | "last";

/** Two values that a loss compares. */
export interface TapPair {
  readonly student: Tap;
  readonly teacher: Tap;
}

/** A network as hints see it. */
export interface Tapped {
  readonly taps: readonly Tap[];
  /** Who it is, in messages. */
  readonly role: string;
}

/**
 * The pairs that a recipe names, or those that a loss takes by itself: stages and blocks from the last on backwards, so that the deepest
 * of both belong together; with "uniform", block m of M learns from block round(m·N/M) of N (TinyBERT, PKD-skip).
 *
 * @throws LimbeckError naming what is there, when a name is not, or means several values in the one network and another number in the other.
 */
export function resolvePairs(
  written: readonly PairRecipe[] | PairMap | undefined,
  { pairs: usual, parts }: Pick<FeatureLoss, "pairs" | "parts">,
  student: Tapped,
  teacher: Tapped,
): TapPair[] {
  if (written === undefined || typeof written === "string") {
    return (parts ?? [undefined]).flatMap((part) => usualPairs(usual, part, { student, teacher, map: written }));
  }
  return written.flatMap((pair) => {
    const [ofStudent, ofTeacher] = typeof pair === "string" ? [pair, pair] : pair;
    const [found, counterparts] = [findTaps(student, ofStudent), findTaps(teacher, ofTeacher)];
    if (found.length !== counterparts.length) {
      throw new LimbeckError(
        `"${ofStudent}" is ${found.length} values of the ${student.role}, "${ofTeacher}" is ${counterparts.length} of the ${teacher.role}.`,
        { where: "pairs", hint: "Write the pairs one by one." },
      );
    }
    return found.map((tap, index) => ({ student: tap, teacher: counterparts[index] as Tap }));
  });
}

const series = { stages: "stage", middle: "stage", blocks: "block", attentions: "attention", lastAttention: "attention" } as const;

/** What a loss compares every one of, in a network that has several. */
const MANY: ReadonlySet<FeatureLoss["pairs"]> = new Set(["stages", "blocks", "attentions"] as const);

interface Matched {
  readonly student: Tapped;
  readonly teacher: Tapped;
  /** As the recipe says. */
  readonly map: PairMap | undefined;
}

function usualPairs(usual: FeatureLoss["pairs"], part: AttentionPart | undefined, { student, teacher, map }: Matched): TapPair[] {
  if (map !== undefined && !MANY.has(usual)) {
    throw new LimbeckError(
      `"${map}" puts series of stages, blocks or attentions together, but this loss compares one value of each network.`,
      {
        where: "pairs",
        hint: "Leave pairs out, or name them.",
      },
    );
  }
  if (usual === "last" || usual === "pooled" || usual === "mlm") {
    return [{ student: findTaps(student, usual)[0] as Tap, teacher: findTaps(teacher, usual)[0] as Tap }];
  }
  const name = part ?? series[usual];
  const [ofStudent, ofTeacher] = [student, teacher].map((network) => seriesOf(network, name)) as [Tap[], Tap[]];
  const count = usual === "lastAttention" ? 1 : Math.min(ofStudent.length, ofTeacher.length);
  const without = [student, teacher][[ofStudent, ofTeacher].findIndex(({ length }) => length === 0)];
  if (without) {
    throw new LimbeckError(`The ${without.role} has no ${name} that could be told.`, {
      where: "pairs",
      hint: "Name pairs of tensors; `limbeck inspect MODEL --all` lists them.",
    });
  }
  if (usual === "middle") return [{ student: middleOf(ofStudent), teacher: middleOf(ofTeacher) }];
  const [ours, theirs] = [ofStudent, ofTeacher].map((taps) => (map === "uniform" ? spread(taps, count) : taps.slice(-count)));
  return (ours as Tap[]).map((tap, index) => ({ student: tap, teacher: theirs?.[index] as Tap }));
}

/** So many of a series, evenly, the last one among them: numbers round(m·N/count) from 1. */
const spread = (taps: readonly Tap[], count: number): Tap[] =>
  Array.from({ length: count }, (_, place) => taps[Math.round(((place + 1) * taps.length) / count) - 1] as Tap);

const middleOf = (taps: readonly Tap[]): Tap => taps[Math.ceil(taps.length / 2) - 1] as Tap;

/** `stage1`, `stage2`, ... in their order. */
function seriesOf({ taps }: Tapped, name: string): Tap[] {
  const numbered = taps.flatMap((tap) =>
    tap.aliases.flatMap((alias) => (new RegExp(`^${name}\\d+$`).test(alias) ? [[Number(alias.slice(name.length)), tap] as const] : [])),
  );
  return numbered.sort(([a], [b]) => a - b).map(([, tap]) => tap);
}

/** By alias, else by tensor or node name, else by a pattern over these. */
function findTaps({ taps, role }: Tapped, name: string): readonly Tap[] {
  const named = taps.filter(({ aliases }) => aliases.includes(name));
  if (named.length > 0) return named;
  const matches = namePattern(name);
  const found = taps.filter((tap) => matches(tap.name) || matches(tap.node));
  if (found.length > 0) return found;
  const known = taps
    .filter(({ aliases }) => aliases.length > 0)
    .map(({ aliases, shape }) => `${aliases.join(" = ")} ${formatShape(shape)}`);
  throw new LimbeckError(`The ${role} has no value named "${name}".`, {
    where: "pairs",
    hint: `It has ${known.join(", ")}; \`limbeck inspect MODEL --all\` lists every tensor.`,
  });
}
