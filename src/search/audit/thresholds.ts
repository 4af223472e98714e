interface Threshold {
  readonly value: number;
  /** What it decides, with the value put in for `{}`. */
  readonly decides: string;
  readonly source: string;
  readonly as?: "points" | "times" | "percent";
}

const ARTICLE = "the survey article that Limbeck was built from";
const OWN = "Limbeck's own";

/** Every number that a verdict depends on. */
export const thresholds = {
  skill: {
    value: 0.2,
    decides:
      "A teacher is wrong for the data unless it goes at least {} of the way from always saying the most frequent class to no mistake, in whatever order its classes are.",
    source: OWN,
    as: "percent",
  },
  reordering: {
    value: 0.2,
    decides: "Its classes are in another order if the best one gains at least {} on validation.",
    source: `${OWN}; the best order by Kuhn, 1955`,
    as: "points",
  },
  normalization: {
    value: 0.05,
    decides: "Its inputs should be normalised otherwise if that gains at least {}.",
    source: OWN,
    as: "points",
  },
  claim: { value: 0.05, decides: "It does less than its file claims if {} or more are missing.", source: OWN, as: "points" },
  gap: {
    value: 0.05,
    decides: "A teacher should be {} better than what the student reaches alone; with less there is little to learn.",
    source: ARTICLE,
    as: "points",
  },
  leastReduction: {
    value: 1.25,
    decides: "A student with neither parameters nor FLOPs fewer by {} is as big as its teacher.",
    source: OWN,
    as: "times",
  },
  worthwhile: { value: 2, decides: "A student that isn't {} smaller saves little.", source: OWN, as: "times" },
  mostReduction: {
    value: 10,
    decides:
      "Beyond {} the parameters or FLOPs of the student the gap may be too large, so that an assistant or an earlier checkpoint is to be tried.",
    source: `${ARTICLE}; Mirzadeh et al., 2020, arXiv:1902.03393; Cho and Hariharan, 2019, arXiv:1910.01348`,
    as: "times",
  },
  darkKnowledge: {
    value: 0.01,
    decides: "Soft targets say nothing beyond labels if at every temperature they differ from smoothed labels by less than {} nats.",
    source: `${OWN}; the measure after Yuan et al., 2020, arXiv:1909.11723`,
  },
  informative: {
    value: 0.5,
    decides: "A temperature is informative where soft targets say at least {} of what they say at the best one.",
    source: OWN,
    as: "percent",
  },
  calibration: {
    value: 0.05,
    decides: "Probabilities are badly calibrated from an expected calibration error of {} on.",
    source: "Guo et al., 2017, arXiv:1706.04599; that it matters: Menon et al., 2021, arXiv:2005.10419",
    as: "percent",
  },
  errors: { value: 2, decides: "A difference over seeds counts beyond {} standard errors of its mean,", source: "as in docs/results.md" },
  leastSamples: {
    value: 4,
    decides: "and beyond {} validation samples: fewer can't be told from chance even where none speaks against them.",
    source: "McNemar, 1947",
  },
  exponent: {
    value: 0.35,
    decides: "What a student reaches on all data follows from two smaller runs by a power law of the error, of an exponent up to {}.",
    source: "Hestness et al., 2017, arXiv:1712.00409",
  },
} as const satisfies Readonly<Record<string, Threshold>>;

/** Rows of a Markdown table. */
export function thresholdRows(): string {
  return Object.values(thresholds as Readonly<Record<string, Threshold>>)
    .map(({ decides, source, ...threshold }) => `| ${decides.replace("{}", valueText(threshold))} | ${source} |`)
    .join("\n");
}

function valueText({ value, as }: Pick<Threshold, "value" | "as">): string {
  if (as === "points") return `${100 * value} points`;
  if (as === "percent") return `${100 * value} %`;
  return as === "times" ? `${value} times` : String(value);
}
