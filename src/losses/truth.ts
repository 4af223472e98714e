import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";

/** What is known of the classes of a batch's samples. */
export interface Truth {
  /** [B], int32. */
  readonly labels: Value;
  /** Where samples are mixed: the labels of what each is mixed with, [B], int32, and the share of its own label, [B]. */
  readonly partners?: { readonly labels: Value; readonly share: Value };
  /** Whether some labels may be −1: unknown. */
  readonly isPartial?: boolean;
}

/** What each label of a sample says: its share in it, [B], 0 where the label is unknown; all of it unless given. */
export function sharesOf(g: GraphBuilder, { labels, partners, isPartial }: Truth): readonly { labels: Value; share?: Value }[] {
  const parts: { labels: Value; share?: Value }[] = partners
    ? [
        { labels, share: partners.share },
        { labels: partners.labels, share: g.sub(1, partners.share) },
      ]
    : [{ labels }];
  if (!isPartial) return parts;
  return parts.map(({ labels, share }) => {
    const known = g.cast(g.greaterOrEqual(g.cast(labels, "float32"), 0), "float32");
    return { labels, share: share ? g.mul(share, known) : known };
  });
}

/** The shares of all known labels of the batch together: a scalar; at most B. */
export function knownOf(g: GraphBuilder, truth: Truth & { readonly isPartial: true }): Value {
  return g.reduceSum(g.sum(...sharesOf(g, truth).map(({ share }) => share as Value)));
}

/**
 * The labels, for what takes one of each sample.
 *
 * @param who Takes them, as messages call it.
 * @throws LimbeckError where samples are mixed, or some have no label.
 */
export function onlyLabels({ labels, partners, isPartial }: Truth, who: string): Value {
  if (partners) {
    throw new LimbeckError(`${who} takes samples of one class each, but \`data.mix\` mixes two.`, {
      hint: "Leave data.mix out, or learn from crossEntropy and from what a teacher answers, such as kd.",
    });
  }
  if (isPartial) {
    throw new LimbeckError(`${who} takes the label of every sample, but some training samples have none.`, {
      hint: "Learn from crossEntropy and from what a teacher answers, such as kd; or leave out the rest with `data.labels.only`.",
    });
  }
  return labels;
}
