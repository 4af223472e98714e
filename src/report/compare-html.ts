import {
  type ComparedMetric,
  type Comparison,
  type Cost,
  comparedMetrics,
  comparisonNotes,
  costOf,
  costs,
  latencyAt,
  threadsText,
  timings,
} from "./compare.ts";
import { formatBytes, formatCount, formatInteger, formatJoules, formatMilliseconds, formatPercent } from "./format.ts";
import { htmlPage } from "./html-page.ts";
import { reliability } from "./html-reliability.ts";
import { html, type Markup } from "./markup.ts";
import { scatterChart } from "./scatter-chart.ts";

/** The comparison as one HTML file (`htmlPage`). */
export function compareHtml(comparison: Comparison): string {
  const { models, data, machine, versions } = comparison;
  const scored = models.flatMap(({ name, scores }) => (scores ? [{ title: name, name: "", tone: "student", scores }] : []));
  const count = `${formatInteger(models.length)} models`;
  return htmlPage({
    title: `${count} compared`,
    main: html`<header class="headline"><p class="eyebrow">Comparison</p>
<h1>${count}<small>${data ? `on ${data.location} (${data.split}, ${formatInteger(data.samples)} samples)` : "side by side"}</small></h1>
<p class="lede">${lede(comparison)}</p></header>
${metricTable(comparison)}
${data && fronts(comparison)}
${latencyBars(comparison)}
${reliability(scored)}
<section aria-labelledby="how"><h2 id="how">How it was measured</h2>
<ul class="notes">${comparisonNotes(comparison).map((note) => html`<li>${note}</li>`)}
<li>${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)} memory, ${machine.os}; ${versions.onnxruntime}, Node ${versions.node}.</li></ul>
</section>`,
    footer: `Made by Limbeck ${versions.limbeck}.`,
  });
}

function lede({ models, data }: Comparison): Markup | undefined {
  const timed = models.filter((model) => Number.isFinite(costOf(model, "latency")));
  const [fastest] = timed.toSorted((a, b) => costOf(a, "latency") - costOf(b, "latency"));
  const fast =
    fastest &&
    html`<strong>${fastest.name}</strong> is the fastest, at ${formatMilliseconds(costOf(fastest, "latency"))} for one sample on one thread.`;
  if (!data) return fast;
  const accuracy = ({ scores }: (typeof models)[number]): number => scores?.accuracy ?? 0;
  const best = models.reduce((most, model) => (accuracy(model) > accuracy(most) ? model : most));
  return html`<strong>${best.name}</strong> is the most accurate, at ${formatPercent(accuracy(best))}. ${fast}`;
}

function metricTable(comparison: Comparison): Markup {
  const { models } = comparison;
  const cell = ({ values, front }: ComparedMetric, model: number): Markup => {
    const star = front?.[model] && html`<abbr class="star" title="on the Pareto front">*</abbr>`;
    return html`<td>${values[model]}${star}</td>`;
  };
  const body = comparedMetrics(comparison).map(
    (group) =>
      html`<tbody>${group.map(
        (metric) => html`<tr><th scope="row">${metric.label}</th>${models.map((_, model) => cell(metric, model))}</tr>
`,
      )}</tbody>`,
  );
  const heads = models.map(({ name, inputs }) => html`<th scope="col">${name}<small>${inputs}</small></th>`);
  return html`<section aria-labelledby="all"><h2 id="all">Side by side</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="all"><table class="comparison compared">
<thead><tr><td></td>${heads}</tr></thead>${body}</table></div></section>`;
}

const axes: Readonly<Record<Cost, readonly [title: string, name: string, format: (value: number) => string]>> = {
  latency: ["Accuracy against latency", "milliseconds for one sample on one thread", formatMilliseconds],
  parameters: ["Accuracy against parameters", "parameters", formatCount],
  energy: ["Accuracy against energy", "joules per sample", formatJoules],
};

/** A plot for each cost that at least two models have. */
function fronts({ models, energy }: Comparison): Markup | undefined {
  const charts = costs.flatMap((cost) => {
    const points = models.flatMap((model) => {
      const [x, y] = [costOf(model, cost), model.scores?.accuracy ?? Number.NaN];
      return x > 0 && Number.isFinite(y) ? [{ name: model.name, x, y, isJoined: model.front?.[cost] ?? false }] : [];
    });
    const [title, xName, formatX] = axes[cost];
    const isEstimated = cost === "energy" && energy.kind === "estimate";
    const chart = { title, xName: isEstimated ? `${xName}, estimated` : xName, yName: "accuracy", points, formatX };
    return points.length > 1
      ? [
          scatterChart({
            ...chart,
            formatY: (value) => formatPercent(value).replace(/\.?0+ %$/, " %"),
            note: "up and to the left is better",
          }),
        ]
      : [];
  });
  if (charts.length === 0) return undefined;
  return html`<section aria-labelledby="fronts"><h2 id="fronts">What accuracy costs</h2>
<p class="sub">Joined are the models of the Pareto front: every model that is as accurate costs more, and every one that costs less is less
accurate. The scale of costs is logarithmic.</p>
<div class="charts">${charts}</div></section>`;
}

/** Bars from zero, with the quartiles as a thin line. */
function latencyBars(comparison: Comparison): Markup {
  const { models } = comparison;
  const sets = timings(comparison).map(({ batch, threads }) => {
    const longest = Math.max(...models.map((model) => latencyAt(model, batch, threads)?.quartiles[1] ?? 0));
    const percent = (milliseconds: number): string => ((100 * milliseconds) / longest).toFixed(2);
    const bars = models.flatMap((model) => {
      const latency = latencyAt(model, batch, threads);
      if (!latency) return [];
      const { median, p95, quartiles } = latency;
      const [low, high] = quartiles;
      return html`<li class="tone-student"><div class="who"><b>${model.name}</b></div>
<div class="bar" aria-hidden="true"><i style="width:${percent(median)}%"></i><u style="left:${percent(low)}%;width:${percent(high - low)}%"></u></div>
<div class="score"><b>${formatMilliseconds(median)}</b><span>95 % ≤ ${formatMilliseconds(p95)}</span></div></li>`;
    });
    return html`<h3>Batch ${batch}, ${threadsText(threads)}</h3><ul class="bars">${bars}</ul>`;
  });
  return html`<section aria-labelledby="latency" class="latencies"><h2 id="latency">Latency</h2>
<p class="sub">Milliseconds for a whole batch, shorter is better; half of all runs lie within the thin line, 95 % at or below the small number.</p>
${sets}</section>`;
}
