import { html, type Markup } from "./markup.ts";
import { type Metric, metricGroups } from "./metrics.ts";
import { modelsOf, type Report } from "./report.ts";

/** Every measurement of every model, as a table. */
export function comparison(report: Report): Markup {
  const models = modelsOf(report);
  const hasRatio = report.reduction !== undefined;
  const columns = models.length + (hasRatio ? 2 : 1);
  const heads = models.map(({ role, title, model }) => {
    const name = html`<i class="key tone-${role}"></i>${title}<small>${model.name}</small>`;
    return html`<th scope="col" class="${role}">${name}</th>`;
  });
  const row = ({ label, detail, values, ratio }: Metric): Markup => {
    const cells = values.map((value, index) => html`<td class="${models[index]?.role}">${value}</td>`);
    const quotient = hasRatio && html`<td class="ratio">${ratio}</td>`;
    return html`<tr${detail && html` class="detail"`}><th scope="row">${label}</th>${cells}${quotient}</tr>
`;
  };
  const groups = metricGroups(report).map(({ title, metrics }) => {
    const head = html`<tr class="group"><th scope="rowgroup" colspan="${columns}">${title}</th></tr>`;
    return html`<tbody>${head}${metrics.map(row)}</tbody>`;
  });
  return html`<section aria-labelledby="comparison"><h2 id="comparison">Size, speed, accuracy</h2>
<p class="sub">Per sample, forward; a multiply-add counts as two FLOPs.${report.baseline && BASELINE}</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="comparison"><table class="comparison">
<thead><tr><td></td>${heads}${hasRatio && html`<th scope="col" class="ratio">Teacher ÷ student</th>`}</tr></thead>
${groups}
</table></div></section>`;
}

const BASELINE = " The baseline is the student’s architecture trained on the labels alone.";
