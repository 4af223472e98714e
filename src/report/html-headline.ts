import {
  formatBytes,
  formatCorrelation,
  formatCount,
  formatDuration,
  formatInteger,
  formatMilliseconds,
  formatPercent,
  formatRatio,
} from "./format.ts";
import { html, type Markup } from "./markup.ts";
import { batchSizesOf, errorInterval, gapClosed, type ModelReport, modelsOf, type Report } from "./report.ts";

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

function lede(report: Report): Markup {
  const { student, teacher, retention, reduction, epochs, seconds } = report;
  const took = html`${formatInteger(epochs)} ${epochs === 1 ? "epoch" : "epochs"} in ${formatDuration(seconds)}.`;
  if (student.similarity !== undefined && reduction) {
    return html`What it says of two samples’ likeness goes with what the teacher says: <strong>${formatCorrelation(student.similarity)}</strong>
by Spearman’s correlation, with <strong>${comparative(reduction.parameters, "fewer", "more")}</strong> parameters. ${took}`;
  }
  if (report.classes.length === 0) return html`It has <strong>${formatCount(student.parameters)}</strong> parameters. ${took}`;
  if (!teacher || retention === undefined || !reduction) {
    const right = html`<strong>${formatPercent(student.accuracy.lastEpoch)}</strong> of ${formatInteger(student.testSamples)} test samples`;
    return html`It gets ${right} right with <strong>${formatCount(student.parameters)}</strong> parameters. ${took}`;
  }
  const measured = Number.isFinite(reduction.latency);
  const speed = measured && html` and answers <strong>${comparative(reduction.latency, "faster", "slower")}</strong>`;
  return html`It keeps <strong>${formatPercent(retention, 1)}</strong> of the teacher’s accuracy with
<strong>${comparative(reduction.parameters, "fewer", "more")}</strong> parameters${speed}. ${took}`;
}

/** `56.6× fewer`, or `1.20× more` where the ratio is below 1. */
function comparative(ratio: number, above: string, below: string): string {
  return ratio >= 1 ? `${formatRatio(ratio)} ${above}` : `${formatRatio(1 / ratio)} ${below}`;
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
${Number.isFinite(reduction.latency) && tile(reduction.latency, "faster", "slower", latency(teacher), latency(student))}
</ul>`;
}

/** Bars of errors start at zero, so their lengths compare honestly; bars of accuracies near 100 % would all look alike. */
function errorBars(report: Report): Markup | undefined {
  const models = modelsOf(report);
  if (models.length === 1 || report.classes.length === 0) return undefined;
  const intervals = models.map(({ model }) => errorInterval(model.errors, model.testSamples));
  const scale = 100 / Math.max(1, ...intervals.map(([, high]) => high));
  const percent = (count: number): string => (count * scale).toFixed(2);
  const bars = models.map(({ role, title, model }, index) => {
    const [low, high] = intervals[index] ?? [0, 0];
    const interval = html`<u style="left:${percent(low)}%;width:${percent(high - low)}%"></u>`;
    return html`<li class="tone-${role} ${role}"><div class="who"><b>${title}</b><span>${model.name}</span></div>
<div class="bar" aria-hidden="true"><i style="width:${percent(model.errors)}%"></i>${interval}</div>
<div class="score"><b>${formatPercent(model.accuracy.lastEpoch)}</b><span>${formatInteger(model.errors)} errors</span></div></li>`;
  });
  return html`<section aria-labelledby="errors"><h2 id="errors">Errors on ${formatInteger(report.student.testSamples)} test samples</h2>
<p class="sub">Shorter is better. The thin line is the 95 % interval: what another test set of this size might have shown.</p>
<ul class="bars">${bars}</ul>
${facts(report)}</section>`;
}

function facts(report: Report): Markup | undefined {
  const gap = gapClosed(report);
  const closed = gap !== undefined && html`<li>${gap < 0 ? gapMissed : gapMade(gap)}</li>`;
  const agreement =
    report.agreement !== undefined && html`<li><b>${formatPercent(report.agreement)}</b> of the test samples get the teacher’s class</li>`;
  return closed || agreement ? html`<ul class="facts">${closed}${agreement}</ul>` : undefined;
}

const gapMissed = html`<b>No gain</b>: the student is below the baseline`;

function gapMade(gap: number): Markup {
  return html`<b>${formatPercent(gap, 0)}</b> of the way from the baseline’s accuracy to the teacher’s`;
}
