import { classTable } from "./html-classes.ts";
import { comparison } from "./html-comparison.ts";
import { trainingCurves } from "./html-curves.ts";
import { headline } from "./html-headline.ts";
import { htmlPage } from "./html-page.ts";
import { confusionMatrix, disagreementGallery, mistakeGallery } from "./html-predictions.ts";
import { reliability } from "./html-reliability.ts";
import { setup } from "./html-setup.ts";
import { html } from "./markup.ts";
import { modelsOf, type Report, studentTitle } from "./report.ts";

/** The run as one HTML file (`htmlPage`). */
export function reportHtml(report: Report): string {
  const { student, teacher, classes, confusion, mistakes = [] } = report;
  const learner = studentTitle(report).toLowerCase();
  const scored = modelsOf(report).flatMap(({ role, title, model: { name, scores } }) =>
    scores ? [{ title, name, tone: role, scores }] : [],
  );
  return htmlPage({
    title: `${student.name}${teacher ? ` distilled from ${teacher.name}` : ""}`,
    main: html`${headline(report)}
${comparison(report)}
${trainingCurves(report)}
${classTable({ classes, confusion, learner })}
${confusionMatrix({ classes, confusion, learner })}
${reliability(scored)}
${mistakeGallery({ classes, mistakes, errors: student.errors, learner })}
${disagreementGallery(report)}
${setup(report)}`,
    footer: `Made by Limbeck ${report.versions.limbeck}. The numbers are in report.json, beside this page.`,
  });
}
