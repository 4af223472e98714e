import { formatBytes, formatCount, formatDuration, formatInteger, formatMilliseconds, formatPercent, formatRatio } from "./format.ts";
import { html, type Markup } from "./markup.ts";
import { metricGroups } from "./metrics.ts";
import { batchSizesOf, errorInterval, gapClosed, type ModelReport, modelsOf, type Report, type Role } from "./report.ts";

const ROLE_NAMES: Record<Role, string> = { teacher: "Teacher", baseline: "Baseline", student: "Student" };

/** What the run cost and what it kept, on one screen. */
export function headline(report: Report): Markup {
  const { student, teacher } = report;
  return html`<header class="headline">
<p class="eyebrow">${teacher ? "Distillation report" : "Training report"}</p>
<h1>${student.name}${teacher && html`<small>distilled from ${teacher.name}</small>`}</h1>
<p class="lede">${lede(report)}</p>
</header>
${tiles(report)}
${errorBars(report)}`;
}

function lede({ student, teacher, retention, reduction, epochs, seconds }: Report): Markup {
  const took = html`${formatInteger(epochs)} ${epochs === 1 ? "epoch" : "epochs"} in ${formatDuration(seconds)}.`;
  if (!teacher || retention === undefined || !reduction) {
    return html`It gets <strong>${formatPercent(student.accuracy.lastEpoch)}</strong> of ${formatInteger(student.testSamples)} test samples right
with <strong>${formatCount(student.parameters)}</strong> parameters. ${took}`;
  }
  return html`It keeps <strong>${formatPercent(retention, 1)}</strong> of the teacher’s accuracy with
<strong>${comparative(reduction.parameters, "fewer", "more")}</strong> parameters and answers
<strong>${comparative(reduction.latency, "faster", "slower")}</strong>. ${took}`;
}

/** `56.6× fewer`, or `1.20× more` where the ratio is below 1. */
function comparative(ratio: number, above: string, below: string): string {
  return ratio >= 1 || !Number.isFinite(ratio) ? `${formatRatio(ratio)} ${above}` : `${formatRatio(1 / ratio)} ${below}`;
}

function tiles({ student, teacher, reduction }: Report): Markup | undefined {
  if (!teacher || !reduction) return undefined;
  const batch = batchSizesOf([teacher, student])[0] ?? 1;
  const latency = (model: ModelReport): string => formatMilliseconds(model.latencyMs[`batch${batch}`]?.median ?? Number.NaN);
  const tile = (ratio: number, above: string, below: string, from: string, to: string): Markup => {
    const grew = ratio < 1;
    return html`<li><b>${formatRatio(grew ? 1 / ratio : ratio)}</b><span>${grew ? below : above}</span><small>${from} → ${to}</small></li>`;
  };
  return html`<ul class="tiles" aria-label="Teacher against student">
${tile(reduction.parameters, "fewer parameters", "more parameters", formatCount(teacher.parameters), formatCount(student.parameters))}
${tile(reduction.bytes, "smaller file", "larger file", formatBytes(teacher.bytes), formatBytes(student.bytes))}
${tile(reduction.flops, "fewer FLOPs", "more FLOPs", formatCount(teacher.flops), formatCount(student.flops))}
${tile(reduction.latency, "faster", "slower", latency(teacher), latency(student))}
</ul>`;
}

/** Bars of errors start at zero, so their lengths compare honestly; bars of accuracies near 100 % would all look alike. */
function errorBars(report: Report): Markup {
  const models = modelsOf(report);
  const intervals = models.map(({ model }) => errorInterval(model.errors, model.testSamples));
  const scale = 100 / Math.max(1, ...intervals.map(([, high]) => high));
  const percent = (count: number): string => (count * scale).toFixed(2);
  const gap = gapClosed(report);
  const bars = models.map(({ role, model }, index) => {
    const [low, high] = intervals[index] ?? [0, 0];
    return html`<li class="tone-${role} ${role}"><div class="who"><b>${ROLE_NAMES[role]}</b><span>${model.name}</span></div>
<div class="bar" aria-hidden="true"><i style="width:${percent(model.errors)}%"></i><u style="left:${percent(low)}%;width:${percent(high - low)}%"></u></div>
<div class="score"><b>${formatPercent(model.accuracy.lastEpoch)}</b><span>${formatInteger(model.errors)} errors</span></div></li>`;
  });
  return html`<section aria-labelledby="errors"><h2 id="errors">Errors on ${formatInteger(report.student.testSamples)} test samples</h2>
<p class="sub">Shorter is better. The thin line is the 95 % interval: what another test set of this size might have shown.</p>
<ul class="bars">${bars}</ul>
${facts(report, gap)}</section>`;
}

function facts({ agreement }: Report, gap: number | undefined): Markup | undefined {
  const closed = gap !== undefined && (gap >= 0
    ? html`<li><b>${formatPercent(gap, 0)}</b> of the way from the baseline to the teacher</li>`
    : html`<li>Below the baseline: here distillation did harm</li>`);
  const agreed = agreement !== undefined && html`<li><b>${formatPercent(agreement)}</b> of the test samples get the teacher’s class</li>`;
  return closed || agreed ? html`<ul class="facts">${closed}${agreed}</ul>` : undefined;
}

/** Every measurement of every model. */
export function comparison(report: Report): Markup {
  const models = modelsOf(report);
  const hasRatio = report.reduction !== undefined;
  return html`<section aria-labelledby="comparison"><h2 id="comparison">Size, speed, accuracy</h2>
<p class="sub">Per sample, forward; a multiply-add counts as two FLOPs. ${report.baseline && html`The baseline is the student’s architecture trained on the labels alone.`}</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="comparison"><table class="comparison">
<thead><tr><td></td>${models.map(({ role, model }) => html`<th scope="col" class="${role}"><i class="key tone-${role}"></i>${ROLE_NAMES[role]}<small>${model.name}</small></th>`)}${
    hasRatio && html`<th scope="col">Teacher ÷ student</th>`}</tr></thead>
${metricGroups(report).map(({ title, metrics }) => html`<tbody><tr class="group"><th scope="rowgroup" colspan="${models.length + (hasRatio ? 2 : 1)}">${title}</th></tr>
${metrics.map(({ label, values, ratio }) => html`<tr><th scope="row">${label}</th>${values.map((value, index) => html`<td class="${models[index]?.role}">${value}</td>`)}${
    hasRatio && html`<td>${ratio}</td>`}</tr>
`)}</tbody>`)}
</table></div></section>`;
}
