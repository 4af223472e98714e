import { comparison } from "./html-comparison.ts";
import { trainingCurves } from "./html-curves.ts";
import { headline } from "./html-headline.ts";
import { confusionMatrix, disagreementGallery } from "./html-predictions.ts";
import { setup } from "./html-setup.ts";
import { html } from "./markup.ts";
import { htmlPage } from "./page.ts";
import type { Report } from "./report.ts";

/** The run as one HTML file. */
export function reportHtml(report: Report): string {
  const { student, teacher } = report;
  return htmlPage({
    title: html`${student.name}${teacher && ` distilled from ${teacher.name}`}`,
    main: html`${headline(report)}
${comparison(report)}
${trainingCurves(report)}
${confusionMatrix(report)}
${disagreementGallery(report)}
${setup(report)}`,
    footer: html`Made by Limbeck ${report.versions.limbeck}. The numbers are in report.json, beside this page.`,
  });
}
