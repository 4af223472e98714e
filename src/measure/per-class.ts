/** How well one class is told apart from the others. Fractions of 1; undefined where they would be 0/0. */
export interface ClassScores {
  /** Samples with this label. */
  readonly support: number;
  /** Of the samples taken for this class, the fraction that have it. */
  readonly precision?: number;
  /** Of the samples that have this class, the fraction taken for it. */
  readonly recall?: number;
  /** 2·right / (samples of the class + samples taken for it): the harmonic mean of precision and recall. */
  readonly f1?: number;
}

/** @param confusion [C][C]: `confusion[label][prediction]` is a number of samples. */
export function classScores(confusion: readonly (readonly number[])[]): readonly ClassScores[] {
  const taken = confusion.map((_, prediction) => confusion.reduce((total, row) => total + (row[prediction] ?? 0), 0));
  return confusion.map((row, label) => {
    const support = row.reduce((total, count) => total + count, 0);
    const [right, claimed] = [row[label] ?? 0, taken[label] ?? 0];
    return {
      support,
      precision: claimed > 0 ? right / claimed : undefined,
      recall: support > 0 ? right / support : undefined,
      f1: support + claimed > 0 ? (2 * right) / (support + claimed) : undefined,
    };
  });
}

/** Unweighted means over the classes that samples have (macro averages); a class that is never predicted has the precision 0. */
export function macroScores(scores: readonly ClassScores[]): { readonly precision: number; readonly recall: number; readonly f1: number } {
  const present = scores.filter(({ support }) => support > 0);
  const mean = (of: (scores: ClassScores) => number | undefined): number =>
    present.reduce((total, each) => total + (of(each) ?? 0), 0) / present.length;
  return { precision: mean(({ precision }) => precision), recall: mean(({ recall }) => recall), f1: mean(({ f1 }) => f1) };
}

/** What the F1 of a class lacks to 1; 0 for a class that is in neither labels nor predictions. */
export const f1Gap = ({ f1 = 1 }: ClassScores): number => 1 - f1;

/** The classes that are told apart worst first; of equal ones those with more samples. */
export function worstFirst<T extends ClassScores>(scores: readonly T[]): readonly T[] {
  return scores.toSorted((a, b) => f1Gap(b) - f1Gap(a) || b.support - a.support);
}
