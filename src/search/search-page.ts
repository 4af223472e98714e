import { stringify } from "yaml";
import { formatDuration, formatInteger, formatPercent, formatScalar } from "../report/format.ts";
import { htmlPage } from "../report/html-page.ts";
import { lineChart } from "../report/line-chart.ts";
import { html, type Markup } from "../report/markup.ts";

import { describe } from "./search.ts";
import { ranked, type SearchReport, valueText } from "./search-report.ts";
import type { Trial } from "./trial.ts";

/** The search as one HTML file. */
export function searchPage(report: SearchReport): string {
  const { kind, trials, chosen, versions } = report;
  const best = trials[chosen] as Trial;
  return htmlPage({
    title: `${titles[kind]} search`,
    main: html`${headline(report, best)}
<section aria-labelledby="found"><h2 id="found">What was found</h2>
<p class="sub">By accuracy on the validation samples${report.seeds > 1 && html`, the mean of ${report.seeds} seeds`}. Higher is better.</p>
<div class="charts">${[...report.dimensions.flatMap(({ key }) => valueChart(report, key) ?? []), progressChart(report)]}</div>
${trialTable(report, best)}
</section>
${setup(report)}`,
    footer: `Made by Limbeck ${versions.limbeck}. The numbers are in search.json, the recipe is in chosen.recipe.yaml, beside this page.`,
  });
}

const titles = { temperature: "Temperature", weights: "Loss weights", recipe: "Recipe" } as const;

function headline({ kind, trials, test, seconds }: SearchReport, best: Trial): Markup {
  const accuracy = formatPercent(best.accuracy ?? Number.NaN);
  const tested = test && html` On the test samples, by which nothing was chosen: <strong>${formatPercent(test.accuracy)}</strong>.`;
  const [only, ...others] = Object.entries(best.values);
  const found =
    only && others.length === 0 ? html`${only[0]} ${valueText(only[1])}` : html`${accuracy}<small>${describe(best.values)}</small>`;
  return html`<header class="headline">
<p class="eyebrow">${titles[kind]} search</p>
<h1>${found}</h1>
<p class="lede">The best of ${formatInteger(trials.length)} trials, with <strong>${accuracy}</strong> on the validation samples.${tested}
The search took ${formatDuration(seconds)}.</p>
</header>`;
}

/** An error of zero has no place on a logarithmic scale. */
const LEAST_ERROR = 1e-5;
const errorOf = (accuracy: number | undefined): number => Math.max(LEAST_ERROR, 1 - (accuracy ?? Number.NaN));

const byError = {
  scale: "log",
  inverted: true,
  wide: true,
  format: (error: number) => formatPercent(1 - error),
  formatTick: (error: number) => formatPercent(1 - error, 4).replace(/\.?0+ %$/, " %"),
} as const;
const NOTE = "logarithmic in the error";

/** Accuracy by the values of a dimension, where those are numbers. */
function valueChart({ dimensions, trials, seeds }: SearchReport, key: string): Markup | undefined {
  const domain = dimensions.find((dimension) => dimension.key === key)?.domain;
  const log = domain !== undefined && "log" in domain && domain.log;
  const placed = trials.flatMap((trial) => {
    const value = trial.values[key];
    return typeof value === "number" && trial.accuracy !== undefined ? [{ trial, x: log ? Math.log10(value) : value }] : [];
  });
  if (placed.length < 2 || new Set(placed.map(({ x }) => x)).size < 2) return undefined;
  placed.sort((a, b) => a.x - b.x);
  const dots = dimensions.length > 1 || new Set(placed.map(({ trial }) => trial.epochs)).size > 1;
  const extreme = (of: (...values: number[]) => number) =>
    placed.map(({ trial }) => errorOf(of(...trial.runs.flatMap(({ accuracy }) => accuracy ?? []))));
  return lineChart({
    ...byError,
    title: `Validation accuracy by ${key}`,
    xName: log ? `log₁₀ of ${key}` : key,
    x: placed.map(({ x }) => Number(x.toPrecision(4))),
    note: dots ? `${NOTE}; the other values differ too` : NOTE,
    series: [
      { name: seeds > 1 ? "Mean" : "Trial", tone: "student", dots, values: placed.map(({ trial }) => errorOf(trial.accuracy)) },
      ...(seeds > 1 && !dots
        ? [
            { name: "Best seed", tone: "teacher", dashed: true, values: extreme(Math.max) },
            { name: "Worst seed", tone: "baseline", dashed: true, values: extreme(Math.min) },
          ]
        : []),
    ],
  });
}

/** Each trial in its turn, and the best so far. */
function progressChart({ trials, method }: SearchReport): Markup | undefined {
  if (trials.length < 3 || method.name === "grid") return undefined;
  let best = Number.NaN;
  const soFar = trials.map(({ accuracy }) => {
    if (accuracy !== undefined && !(accuracy <= best)) best = accuracy;
    return errorOf(best);
  });
  return lineChart({
    ...byError,
    title: "Trial by trial",
    xName: "Trial",
    x: trials.map((_, index) => index + 1),
    note: NOTE,
    series: [
      { name: "Trial", tone: "teacher", dots: true, values: trials.map(({ accuracy }) => errorOf(accuracy)) },
      { name: "Best so far", tone: "student", values: soFar },
    ],
  });
}

function trialTable(report: SearchReport, best: Trial): Markup {
  const keys = report.dimensions.map(({ key }) => key);
  const row = (trial: Trial, index: number): Markup => {
    const result =
      trial.accuracy === undefined
        ? html`<td colspan="3">failed: ${trial.error ?? ""}</td>`
        : html`<td>${formatPercent(trial.accuracy)}</td><td>${report.seeds > 1 && `± ${(100 * (trial.deviation ?? 0)).toFixed(2)}`}</td>
<td>${formatScalar(trial.loss ?? Number.NaN)}</td>`;
    return html`<tr><th scope="row">${index + 1}${trial === best && " *"}</th>${keys.map((key) => html`<td>${valueText(trial.values[key])}</td>`)}
<td>${trial.epochs}</td>${result}</tr>`;
  };
  const heads = [...keys, "Epochs", "Validation", "Spread", "Loss"].map((name) => html`<th scope="col">${name}</th>`);
  return html`<details open><summary>All trials, best first</summary>
<div class="scroll" tabindex="0" role="region" aria-label="All trials"><table class="epochs">
<thead><tr><th scope="col">Rank</th>${heads}</tr></thead><tbody>${ranked(report).map(row)}</tbody></table></div></details>`;
}

function setup({ recipe, method, seeds, versions }: SearchReport): Markup {
  return html`<section aria-labelledby="setup"><h2 id="setup">How it was done</h2>
<p class="protocol">Trials train on one thread each, see no test sample, and are compared by the weights that the recipe keeps.</p>
<div class="setup"><div><h3>Recipe</h3><pre tabindex="0" aria-label="Recipe">${stringify(recipe, { lineWidth: 0 })}</pre></div>
<div><h3>Method</h3><pre tabindex="0" aria-label="Method">${stringify({ ...method, seeds, ...versions }, { lineWidth: 0 })}</pre></div></div></section>`;
}
