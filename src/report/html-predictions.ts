import { formatInteger, formatPercent } from "./format.ts";
import type { ClassesShown } from "./html-classes.ts";
import { html, type Markup } from "./markup.ts";
import {
  type Confusion,
  commonMistakes,
  type Disagreement,
  nameOf,
  type Prediction,
  type Report,
  type ShownMistake,
  sum,
} from "./report.ts";

/** Up to this many classes there is a table with counts, above it a picture. */
const MAX_NUMBERED = 20;
/** Above this many classes the matrix says less than the list of mistakes. */
const MAX_MATRIX = 300;
const MAX_MISTAKES = 10;

/** What the model takes for what. */
export function confusionMatrix(shown: ClassesShown): Markup | undefined {
  const { confusion, learner, split = "test" } = shown;
  if (confusion.length === 0) return undefined;
  return html`<section aria-labelledby="confusion"><h2 id="confusion">What the ${learner} confuses</h2>
<p class="sub">Rows are the labels, columns the ${learner}’s predictions on the ${split === "train" ? "training" : "test"} set; blue is right, orange is wrong.</p>
<div class="confusion">${confusion.length <= MAX_MATRIX && (confusion.length <= MAX_NUMBERED ? matrix(shown) : picture(shown))}${mistakes(shown)}</div></section>`;
}

/** How strongly a cell is coloured: a class of its own by its recall, a mistake by the root, so that single ones can be seen. */
function strengths(confusion: Report["confusion"]): (count: number, label: number, prediction: number) => string {
  const worst = Math.max(1, ...confusion.map((row, label) => Math.max(0, ...row.filter((_, prediction) => prediction !== label))));
  const samples = confusion.map(sum);
  return (count, label, prediction) => (label === prediction ? count / (samples[label] as number) : Math.sqrt(count / worst)).toFixed(3);
}

function cellTitle({ confusion, classes }: ClassesShown, label: number, prediction: number): string {
  const [count, samples] = [confusion[label]?.[prediction] ?? 0, sum(confusion[label] ?? [])];
  const share = `${formatInteger(count)} of ${formatInteger(samples)} (${formatPercent(count / samples, 1)})`;
  return `${nameOf(classes, label)} taken for ${nameOf(classes, prediction)}: ${share}`;
}

function matrix(shown: ClassesShown): Markup {
  const { confusion, classes } = shown;
  const strength = strengths(confusion);
  const cell = (count: number, label: number, prediction: number): Markup => {
    if (count === 0) return html`<td></td>`;
    const style = `--strength:${strength(count, label, prediction)}`;
    const kind = label === prediction ? "right" : "wrong";
    return html`<td class="${kind}" style="${style}" title="${cellTitle(shown, label, prediction)}">${formatInteger(count)}</td>`;
  };
  const row = (counts: readonly number[], label: number): Markup => {
    const name = nameOf(classes, label);
    const cells = counts.map((count, prediction) => cell(count, label, prediction));
    const recall = html`<td class="recall">${formatPercent((counts[label] ?? 0) / sum(counts), 1)}</td>`;
    return html`<tr><th scope="row" title="${name}">${name}</th>${cells}${recall}</tr>
`;
  };
  const heads = confusion.map((_, label) => {
    const name = nameOf(classes, label);
    return html`<th scope="col" title="${name}"><span>${name}</span></th>`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-labelledby="confusion"><table class="matrix">
<thead><tr><td></td>${heads}<th scope="col" class="recall">recall</th></tr></thead>
<tbody>${confusion.map(row)}</tbody></table></div>`;
}

/** The matrix of many classes: a square for each pair that occurs. */
function picture(shown: ClassesShown): Markup {
  const { confusion } = shown;
  const strength = strengths(confusion);
  const square = (count: number, label: number, prediction: number): Markup | false =>
    count > 0 &&
    html`<rect class="${label === prediction ? "right" : "wrong"}" x="${prediction}" y="${label}" width="1" height="1" style="--strength:${strength(count, label, prediction)}"><title>${cellTitle(shown, label, prediction)}</title></rect>`;
  const size = confusion.length;
  return html`<svg class="heat" viewBox="0 0 ${size} ${size}" role="img" aria-label="Confusion matrix of ${size} classes">
${confusion.map((counts, label) => counts.map((count, prediction) => square(count, label, prediction)))}</svg>`;
}

function mistakes({ confusion, classes }: ClassesShown): Markup | undefined {
  const common = commonMistakes(confusion, MAX_MISTAKES);
  if (common.length === 0) return undefined;
  const most = common[0]?.count ?? 1;
  const row = ({ label, prediction, count, fraction }: Confusion): Markup => {
    const meter = html`<span class="meter" aria-hidden="true"><i style="width:${((100 * count) / most).toFixed(1)}%"></i></span>`;
    return html`<tr><td>${nameOf(classes, label)}</td><td>${nameOf(classes, prediction)}</td>
<td>${formatInteger(count)}${meter}</td><td>${formatPercent(fraction, 1)}</td></tr>
`;
  };
  const heads = ["Label", "Taken for", "Samples", "Of the label"].map((name) => html`<th scope="col">${name}</th>`);
  return html`<div class="mistakes"><h3>Most frequent mistakes</h3>
<table><thead><tr>${heads}</tr></thead><tbody>${common.map(row)}</tbody></table></div>`;
}

/** Samples on which student and teacher part, by who is right. */
export function disagreementGallery(report: Report): Markup | undefined {
  const { disagreements, agreement, student } = report;
  if (disagreements.length === 0) return undefined;
  const teacherRight = disagreements.filter(({ label, teacher }) => teacher.class === label);
  const studentRight = disagreements.filter(({ label, student: { class: predicted } }) => predicted === label);
  const neither = disagreements.filter((sample) => !teacherRight.includes(sample) && !studentRight.includes(sample));
  const total = agreement === undefined ? disagreements.length : Math.round((1 - agreement) * student.testSamples);
  const shown = total > disagreements.length ? `Here are ${formatInteger(disagreements.length)} of them, each` : "Each is here";
  const group = (title: string, samples: readonly Disagreement[]): Markup | false =>
    samples.length > 0 &&
    html`<h3>${title} <span class="count">${formatInteger(samples.length)}</span></h3>
<ul class="gallery">${samples.map((sample) => card(sample, report.classes))}</ul>`;
  return html`<section aria-labelledby="disagreements"><h2 id="disagreements">Where student and teacher part</h2>
<p class="sub">They differ on ${formatInteger(total)} test samples. ${shown} with the classes predicted and their probabilities;
a tick marks what is right.</p>
${group("The teacher is right", teacherRight)}
${group("The student is right", studentRight)}
${group("Neither is right", neither)}</section>`;
}

/** Samples that are taken for another class, those first that the model is surest of. */
export function mistakeGallery({
  classes,
  mistakes,
  errors,
  learner,
  split = "test",
}: Pick<ClassesShown, "classes" | "learner" | "split"> & {
  readonly mistakes: readonly ShownMistake[];
  /** How many there are in all. */
  readonly errors: number;
}): Markup | undefined {
  if (mistakes.length === 0) return undefined;
  const card = ({ index, label, prediction, probability, ...sample }: ShownMistake): Markup => {
    const name = `${split === "train" ? "Training" : "Test"} sample ${index}`;
    return html`<li title="${name}">${pictured(name, sample)}
<dl><div><dt>label</dt><dd>${nameOf(classes, label)}</dd></div>
<div class="wrong"><dt>${learner}</dt><dd>${nameOf(classes, prediction)} <small>${formatPercent(probability, 0)}</small></dd></div></dl></li>
`;
  };
  const some =
    mistakes.length < errors ? `The ${formatInteger(mistakes.length)} of ${formatInteger(errors)}` : `All ${formatInteger(errors)}`;
  return html`<section aria-labelledby="surest"><h2 id="surest">Surest mistakes</h2>
<p class="sub">${some} mistakes of which the ${learner} is surest, with the probability that it gives to the wrong class. Wrong labels are
often found here.</p>
<ul class="gallery">${mistakes.map(card)}</ul></section>`;
}

/** `data:` pictures of kinds that hold nothing but pixels; anything else is not shown. */
const PICTURE = /^data:image\/(png|jpeg|webp);base64,[A-Za-z0-9+/=]+$/;

/** What was classified. */
function pictured(name: string, { image, text }: Pick<ShownMistake, "image" | "text">): Markup {
  const picture = image !== undefined && PICTURE.test(image) && html`<img src="${image}" alt="${name}">`;
  return html`${picture}${text && html`<blockquote>${text}</blockquote>`}`;
}

function card({ index, label, teacher, student, ...sample }: Disagreement, classes: readonly string[]): Markup {
  const name = `Test sample ${index}`;
  const said = (who: string, { class: predicted, probability }: Prediction): Markup => {
    const right = predicted === label;
    const tick = html`<span class="tick" role="img" aria-label="right">✓</span>`;
    return html`<div class="${right ? "right" : "wrong"}"><dt>${who}</dt>
<dd>${nameOf(classes, predicted)} <small>${formatPercent(probability, 0)}</small>${right && tick}</dd></div>`;
  };
  return html`<li title="${name}">${pictured(name, sample)}
<dl><div><dt>label</dt><dd>${nameOf(classes, label)}</dd></div>${said("teacher", teacher)}${said("student", student)}</dl></li>
`;
}
