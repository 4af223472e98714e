import { type ClassScores, classScores, f1Gap, macroScores, worstFirst } from "../measure/per-class.ts";
import { formatInteger, formatPercent } from "./format.ts";
import { html, type Markup } from "./markup.ts";
import { nameOf, type Report } from "./report.ts";

/** Above this many classes the table has those that are told apart worst. */
const MOST_ROWS = 24;

/** @param learner What the model is called. */
export interface ClassesShown extends Pick<Report, "classes" | "confusion"> {
  readonly learner: string;
  /** Of which samples; those of the test unless given. */
  readonly split?: "train" | "test";
}

/** How well each class is told apart, the worst first where there are many. */
export function classTable({ classes, confusion, learner }: ClassesShown): Markup | undefined {
  if (confusion.length === 0) return undefined;
  const scores = classScores(confusion);
  const named = scores.map((each, label) => ({ ...each, name: nameOf(classes, label) }));
  const isLong = named.length > MOST_ROWS;
  const shown = isLong ? worstFirst(named).slice(0, MOST_ROWS) : named;
  const widest = Math.max(...shown.map(f1Gap), 1e-9);
  const row = ({ name, ...each }: ClassScores & { readonly name: string }): Markup => {
    const width = ((100 * f1Gap(each)) / widest).toFixed(1);
    const meter = html`<span class="meter" aria-hidden="true"><i style="width:${width}%"></i></span>`;
    const cells = [each.precision, each.recall, each.f1].map((value = Number.NaN) => html`<td>${formatPercent(value, 1)}</td>`);
    return html`<tr><th scope="row" title="${name}">${name}</th><td>${formatInteger(each.support)}</td>${cells}<td>${meter}</td></tr>
`;
  };
  const { precision, recall, f1 } = macroScores(scores);
  const means = [precision, recall, f1].map((mean) => html`<td>${formatPercent(mean, 1)}</td>`);
  const total = scores.reduce((sum, { support }) => sum + support, 0);
  const heads = ["Samples", "Precision", "Recall", "F1", "F1 lacks"].map((name) => html`<th scope="col">${name}</th>`);
  const some = isLong && ` The ${MOST_ROWS} of ${formatInteger(named.length)} classes with the lowest F1.`;
  return html`<section aria-labelledby="classes"><h2 id="classes">Class by class</h2>
<p class="sub">Precision: how many of the samples that the ${learner} takes for a class have it. Recall: how many that have it are taken for it.
F1 is their harmonic mean; the bar is what it lacks, on the scale of the worst class.${some}</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="classes"><table class="classes">
<thead><tr><th scope="col">Class</th>${heads}</tr></thead>
<tbody>${shown.map(row)}</tbody>
<tfoot><tr><th scope="row">Mean of the classes</th><td>${formatInteger(total)}</td>${means}<td></td></tr></tfoot>
</table></div></section>`;
}
