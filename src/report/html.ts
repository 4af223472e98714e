import { comparison } from "./html-comparison.ts";
import { trainingCurves } from "./html-curves.ts";
import { headline } from "./html-headline.ts";
import { confusionMatrix, disagreementGallery } from "./html-predictions.ts";
import { setup } from "./html-setup.ts";
import { html, type Markup, toHtml } from "./markup.ts";
import type { Report } from "./report.ts";
import { STYLE } from "./style.ts";

/**
 * The run as one HTML file that needs nothing else: no network, no script. The colours follow the system or the switch on the page, which
 * is radio buttons and CSS. The policy in its head makes browsers refuse whatever should ever slip through the escaping.
 */
export function reportHtml(report: Report): string {
  const { student, teacher } = report;
  const body = toHtml(html`<body>
<nav aria-label="Page"><span class="brand">Limbeck</span>${themeSwitch()}</nav>
<main>
${headline(report)}
${comparison(report)}
${trainingCurves(report)}
${confusionMatrix(report)}
${disagreementGallery(report)}
${setup(report)}
</main>
<footer>Made by Limbeck ${report.versions.limbeck}. The numbers are in report.json, beside this page.</footer>
</body>`);
  const title = toHtml(html`<title>${student.name}${teacher && ` distilled from ${teacher.name}`} · Limbeck</title>`);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
${title}
<style>${STYLE}</style>
</head>
${body}
</html>
`;
}

function themeSwitch(): Markup {
  const choice = (id: string, name: string, checked?: "checked"): Markup =>
    html`<input type="radio" name="theme" id="theme-${id}" autocomplete="off"${checked && html` checked`}>
<label for="theme-${id}">${name}</label>
`;
  const choices = [choice("auto", "Auto", "checked"), choice("light", "Light"), choice("dark", "Dark")];
  return html`<fieldset class="theme"><legend>Colours</legend>${choices}</fieldset>`;
}
