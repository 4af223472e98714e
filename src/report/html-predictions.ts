import { formatInteger, formatPercent } from "./format.ts";
import { html, type Markup } from "./markup.ts";
import { commonMistakes, type Disagreement, type Prediction, type Report, sum } from "./report.ts";

/** Counts fit into the cells up to this many classes, above it only colour. */
const MAX_NUMBERED = 20;
/** Above this many classes the matrix says less than the list of mistakes. */
const MAX_MATRIX = 100;
const MAX_MISTAKES = 10;

/** What the student takes for what. */
export function confusionMatrix(report: Report): Markup | undefined {
  const { confusion } = report;
  if (confusion.length === 0) return undefined;
  return html`<section aria-labelledby="confusion"><h2 id="confusion">What the student confuses</h2>
<p class="sub">Rows are the labels, columns the student’s predictions on the test set; blue is right, orange is wrong.</p>
<div class="confusion">${confusion.length <= MAX_MATRIX && matrix(report)}${mistakes(report)}</div></section>`;
}

function matrix({ confusion, classes }: Report): Markup {
  const numbered = confusion.length <= MAX_NUMBERED;
  const worst = Math.max(1, ...confusion.flatMap((row, label) => row.filter((_, prediction) => prediction !== label)));
  const cell = (count: number, label: number, prediction: number, samples: number): Markup => {
    if (count === 0) return html`<td></td>`;
    const right = label === prediction;
    const strength = right ? count / samples : Math.sqrt(count / worst); // the root lets single mistakes be seen beside frequent ones
    const title = `${nameOf(classes, label)} taken for ${nameOf(classes, prediction)}: ${formatInteger(count)} of ${formatInteger(samples)} (${formatPercent(count / samples, 1)})`;
    return html`<td class="${right ? "right" : "wrong"}" style="--strength:${strength.toFixed(3)}" title="${title}">${numbered && formatInteger(count)}</td>`;
  };
  const heads = classes.map((name) => html`<th scope="col" title="${name}"><span>${numbered && name}</span></th>`);
  return html`<div class="scroll" tabindex="0" role="region" aria-labelledby="confusion"><table class="matrix${numbered ? "" : " dense"}">
<thead><tr><td></td>${heads}${numbered && html`<th scope="col">right</th>`}</tr></thead>
<tbody>${confusion.map((row, label) => {
    const samples = sum(row);
    return html`<tr><th scope="row" title="${nameOf(classes, label)}">${numbered && nameOf(classes, label)}</th>${row.map((count, prediction) => cell(count, label, prediction, samples))}${
      numbered && html`<td class="recall">${formatPercent((row[label] ?? 0) / samples, 1)}</td>`}</tr>
`;
  })}</tbody></table></div>`;
}

function mistakes({ confusion, classes }: Report): Markup | undefined {
  const common = commonMistakes(confusion, MAX_MISTAKES);
  if (common.length === 0) return undefined;
  const most = common[0]?.count ?? 1;
  return html`<div class="mistakes"><h3>Most frequent mistakes</h3><table>
<thead><tr><th scope="col">Label</th><th scope="col">Taken for</th><th scope="col">Samples</th><th scope="col">Of the label</th></tr></thead>
<tbody>${common.map(({ label, prediction, count, fraction }) => html`<tr><td>${nameOf(classes, label)}</td><td>${nameOf(classes, prediction)}</td>
<td><i class="meter" style="width:${((100 * count) / most).toFixed(1)}%"></i>${formatInteger(count)}</td><td>${formatPercent(fraction, 1)}</td></tr>
`)}</tbody></table></div>`;
}

/** Samples on which student and teacher part, by who is right. */
export function disagreementGallery(report: Report): Markup | undefined {
  const { disagreements, agreement, student } = report;
  if (disagreements.length === 0) return undefined;
  const teacherRight = disagreements.filter(({ label, teacher }) => teacher.class === label);
  const studentRight = disagreements.filter(({ label, student: { class: predicted } }) => predicted === label);
  const neither = disagreements.filter((sample) => !teacherRight.includes(sample) && !studentRight.includes(sample));
  const total = agreement === undefined ? disagreements.length : Math.round((1 - agreement) * student.testSamples);
  const count = total > disagreements.length ? `${formatInteger(disagreements.length)} of ${formatInteger(total)} test samples on which they differ` : `${formatInteger(total)} test samples`;
  const groups: readonly (readonly [title: string, samples: readonly Disagreement[]])[] = [
    ["The teacher is right", teacherRight],
    ["The student is right", studentRight],
    ["Neither is right", neither],
  ];
  return html`<section aria-labelledby="disagreements"><h2 id="disagreements">Where student and teacher part</h2>
<p class="sub">${count}. Under each, the class predicted and its probability; a tick marks the right one.</p>
${groups.map(([title, samples]) => samples.length > 0 && html`<h3>${title} <span class="count">${formatInteger(samples.length)}</span></h3>
<ul class="gallery">${samples.map((sample) => card(sample, report.classes))}</ul>`)}</section>`;
}

/** `data:` pictures of kinds that hold nothing but pixels; anything else is not shown. */
const PICTURE = /^data:image\/(png|jpeg|webp);base64,[A-Za-z0-9+/=]+$/;

function card({ index, image, text, label, teacher, student }: Disagreement, classes: readonly string[]): Markup {
  const said = (who: string, { class: predicted, probability }: Prediction): Markup => {
    const right = predicted === label;
    return html`<div class="${right ? "right" : "wrong"}"><dt>${who}</dt><dd>${nameOf(classes, predicted)} <small>${formatPercent(probability, 0)}</small>${
      right && html`<span class="tick" role="img" aria-label="right">✓</span>`}</dd></div>`;
  };
  const picture = image !== undefined && PICTURE.test(image) && html`<img src="${image}" alt="${`Test sample ${index}`}" loading="lazy">`;
  return html`<li title="${`Test sample ${index}`}">${picture}${text && html`<blockquote>${text}</blockquote>`}<dl><div><dt>label</dt><dd>${nameOf(classes, label)}</dd></div>${said("teacher", teacher)}${said("student", student)}</dl></li>
`;
}

function nameOf(classes: readonly string[], index: number): string {
  return classes[index] ?? String(index);
}
