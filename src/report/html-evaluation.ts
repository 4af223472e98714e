import type { Evaluation } from "./evaluation.ts";
import { formatInteger, formatPercent } from "./format.ts";
import { classTable } from "./html-classes.ts";
import { htmlPage } from "./html-page.ts";
import { confusionMatrix, mistakeGallery } from "./html-predictions.ts";
import { reliability } from "./html-reliability.ts";
import { html, type Markup } from "./markup.ts";

/** The evaluation as one HTML file (`htmlPage`). @param version Limbeck's. */
export function evaluationHtml(evaluation: Evaluation, version: string): string {
  const { model, data, split, samples, classes, confusion, mistakes, errors, loss } = evaluation;
  const learner = "model";
  return htmlPage({
    title: `${model} on ${data}`,
    main: html`<header class="headline"><p class="eyebrow">Evaluation</p>
<h1>${model}<small>on ${data} (${split}, ${formatInteger(samples)} samples)</small></h1>
<p class="lede">${lede(evaluation)}</p></header>
${reliability([{ title: "Model", name: model, tone: "student", scores: { ...evaluation, crossEntropy: loss } }])}
${classTable({ classes, confusion, learner })}
${confusionMatrix({ classes, confusion, learner, split })}
${mistakeGallery({ classes, mistakes, errors, learner, split })}`,
    footer: `Made by Limbeck ${version}.`,
  });
}

function lede({ accuracy, errors, samples, teacher }: Evaluation): Markup {
  const right = html`It gets <strong>${formatPercent(accuracy)}</strong> of ${formatInteger(samples)} samples right, and ${formatInteger(errors)} wrong.`;
  if (!teacher) return right;
  const agreed = html`<strong>${formatPercent(teacher.agreement)}</strong> get the class that ${teacher.model} gives them`;
  return html`${right} ${agreed}, which is right about ${formatPercent(teacher.accuracy)}.`;
}
