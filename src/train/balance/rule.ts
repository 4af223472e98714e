/** A number for each term of an objective. */
export type ByTerm = Readonly<Record<string, number>>;

/** What an epoch showed. */
export interface EpochSeen {
  /** Epochs finished. */
  readonly epoch: number;
  /** The mean of each term. */
  readonly terms: ByTerm;
  /** The weight of each term at the epoch's last step, as the recipe has it. */
  readonly weights: ByTerm;
  /** Of the hard labels, on the validation samples. */
  readonly validationLoss?: number;
}

/**
 * How the weights of terms follow what a run shows. What a rule remembers is plain data of finite numbers, which goes into checkpoints.
 *
 * @typeParam M What it remembers.
 */
export interface BalanceRule<M> {
  readonly initial: M;
  /** Steps between measurements of the terms' gradients, which begin with the first step; none unless given. */
  readonly every?: number;
  /** @param norms ‖gᵢ‖ of each term at a weight of 1. */
  measured?(memory: M, norms: ByTerm): M;
  epochDone?(memory: M, seen: EpochSeen): M;
  /** What the recipe's weights are to be multiplied by. */
  factors(memory: M, weights: ByTerm): ByTerm;
}
