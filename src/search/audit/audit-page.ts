import { stringify } from "yaml";
import { formatBytes, formatDuration, formatPercent, formatScalar } from "../../report/format.ts";
import { htmlPage } from "../../report/html-page.ts";
import { reliability } from "../../report/html-reliability.ts";
import { lineChart } from "../../report/line-chart.ts";
import { html, type Markup } from "../../report/markup.ts";
import type { AuditReport } from "./audit-report.ts";
import { accuracyPairs, likenessText, probeTable, probeText, sizeTable, softTargetTable, type Table } from "./audit-tables.ts";
import type { AuditFigures, Probe } from "./figures.ts";
import type { Finding } from "./verdict.ts";

/** The audit as one HTML file. */
export function auditPage(report: AuditReport): string {
  const { verdict, figures, teacher, data, versions } = report;
  const { probe } = figures;
  return htmlPage({
    title: `Audit of ${teacher}`,
    main: html`<header class="headline"><p class="eyebrow">Teacher audit</p>
<h1>${titled(verdict.advice)}<small>${teacher} for ${figures.sizes.student.name}, on ${data}</small></h1>
<p class="lede">${verdict.summary}</p></header>
<section aria-labelledby="why"><h2 id="why">Why</h2>
<ul class="notes">${verdict.findings.map(finding)}</ul>
<p class="sub">To begin with: temperature ${formatScalar(verdict.temperature)}; ${verdict.methods.join(", ")}.</p></section>
<section aria-labelledby="figures"><h2 id="figures">Teacher and student</h2>
<p class="sub">On validation samples; no test sample was looked at. Inside: ${likenessText(figures.likeness)}.</p>
<div class="setup"><dl class="pairs">${accuracyPairs(figures).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></div>
${table(sizeTable(figures), "Size and speed")}</section>
${probe && probed(probe)}
${softTargets(figures)}
${reliability([{ title: "Teacher", name: figures.sizes.teacher.name, tone: "teacher", scores: figures.teacher.scores }])}
${setup(report)}`,
    footer: `Made by Limbeck ${versions.limbeck}. The numbers are in audit.json, beside this page.`,
  });
}

const titled = (advice: string): string => `${advice[0]?.toUpperCase()}${advice.slice(1)}`;

const words: Readonly<Record<Finding["weight"], string>> = { against: "Against it: ", first: "First: ", for: "For it: ", note: "" };
const finding = ({ weight, text }: Finding): Markup => html`<li><strong>${words[weight]}</strong>${text}</li>
`;

function table({ head, rows }: Table, name: string): Markup {
  const [first = "", ...others] = head;
  const heads = others.map((cell) => html`<th scope="col">${cell}</th>`);
  const row = ([label = "", ...cells]: readonly string[]): Markup =>
    html`<tr><th scope="row">${label}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${name}"><table class="comparison compared scores">
<thead><tr><th scope="col">${first}</th>${heads}</tr></thead><tbody>${rows.map(row)}</tbody></table></div>`;
}

function probed(probe: Probe): Markup {
  const { seeds, alone, taught, others } = probe;
  const named = [
    { name: "Alone", tone: "baseline", accuracies: alone.accuracies },
    { name: "By the teacher", tone: "student", accuracies: taught.accuracies },
    ...others.map(({ name, accuracies }, index) => ({ name: `By ${name}`, tone: `term-${index % 5}`, accuracies })),
  ];
  // An axis of accuracies from zero would make all of them alike.
  const worst = Math.max(...named.flatMap(({ accuracies }) => accuracies.map((accuracy) => 1 - accuracy)));
  const bars = named.flatMap(({ name, tone, accuracies }) => {
    const errors = accuracies.map((accuracy) => 1 - accuracy);
    const [low, high] = [Math.min(...errors), Math.max(...errors)];
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    const percent = (error: number): string => ((100 * error) / Math.max(worst, 1e-9)).toFixed(2);
    return html`<li class="tone-${tone}"><div class="who"><b>${name}</b></div>
<div class="bar" aria-hidden="true"><i style="width:${percent(mean)}%"></i><u style="left:${percent(low)}%;width:${percent(high - low)}%"></u></div>
<div class="score"><b>${formatPercent(1 - mean)}</b><span>mean of ${seeds.length}</span></div></li>`;
  });
  return html`<section aria-labelledby="probe"><h2 id="probe">Errors of short runs</h2>
<p class="sub">${probeText(probe)} Shorter is better; the thin line is from the best seed to the worst.</p>
<ul class="bars">${bars}</ul>
${table(probeTable(probe), "Short runs")}</section>`;
}

function softTargets(figures: AuditFigures): Markup {
  const { softTargets: all } = figures;
  return html`<section aria-labelledby="soft"><h2 id="soft">Soft targets by temperature</h2>
<p class="sub">Of the teacher's answers about training samples. Beyond labels: by how many nats they differ from smoothed labels that are as sure
on average; 0 for a teacher that says nothing but the class. The temperature where that is most is the one to begin with.</p>
<div class="charts">${lineChart({
    title: "What soft targets say beyond labels",
    xName: "log₂ of the temperature",
    x: all.map(({ temperature }) => Math.log2(temperature)),
    series: [{ name: "Nats beyond labels", tone: "student", values: all.map(({ darkKnowledge }) => darkKnowledge) }],
    format: formatScalar,
    scale: "linear",
  })}${lineChart({
    title: "Effective classes",
    xName: "log₂ of the temperature",
    x: all.map(({ temperature }) => Math.log2(temperature)),
    series: [{ name: "e to the entropy", tone: "teacher", values: all.map(({ effectiveClasses }) => effectiveClasses) }],
    format: formatScalar,
    scale: "linear",
  })}</div>
${table(softTargetTable(figures), "Soft targets")}</section>`;
}

function setup({ recipe, machine, versions, seconds }: AuditReport): Markup {
  const facts = {
    ...versions,
    processor: machine.cpu,
    cores: machine.cores,
    memory: formatBytes(machine.memoryBytes),
    time: formatDuration(seconds),
  };
  return html`<section aria-labelledby="setup"><h2 id="setup">How it was done</h2>
<div class="setup"><div><h3>Recipe</h3><pre tabindex="0" aria-label="Recipe">${stringify(recipe, { lineWidth: 0 })}</pre></div>
<div><h3>Machine and versions</h3><pre tabindex="0" aria-label="Machine and versions">${stringify(facts, { lineWidth: 0 })}</pre></div></div></section>`;
}
