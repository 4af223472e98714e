import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reportHtml } from "./html.ts";
import { reportFixture, trainingReportFixture } from "./report.fixture.ts";
import type { Disagreement, EpochRecord, Report } from "./report.ts";

/** Every string of a report that comes from a recipe, a model, a data set or a machine. */
function named(report: Report, text: (place: string) => string): Report {
  const epochs = (records: readonly EpochRecord[]): readonly EpochRecord[] =>
    records.map((record) => ({
      ...record,
      scalars: { ...record.scalars, [`weight:${text("loss")}`]: record.epoch },
      losses: { [text("loss")]: 1, kd: 2 },
      gradientShares: { [text("loss")]: 0.5, kd: 0.5 },
    }));
  return {
    ...report,
    recipe: { [text("key")]: text("value") },
    protocol: text("protocol"),
    versions: { limbeck: text("limbeck"), onnxruntime: text("onnxruntime"), node: text("node") },
    machine: { ...report.machine, cpu: text("cpu"), os: text("os") },
    teacher: report.teacher && { ...report.teacher, name: text("teacher") },
    student: { ...report.student, name: text("student") },
    baseline: report.baseline && { ...report.baseline, name: text("baseline") },
    classes: report.classes.map((name) => text(`class ${name}`)),
    curves: { student: epochs(report.curves.student), baseline: report.curves.baseline },
    mistakes: report.mistakes?.map((sample, index) => ({
      ...sample,
      image: index === 0 ? text("image") : sample.image,
      text: `.${text("sample")}`,
    })),
    disagreements: report.disagreements.map((sample, index) => ({
      ...sample,
      image: index === 0 ? text("image") : sample.image,
      text: `.${text("sample")}`,
    })),
  };
}

/** The page's tags without the values of their attributes: what a browser would build. */
function structure(page: string): readonly string[] {
  return [...page.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replace(/"[^"]*"/g, '""'));
}

const attack = fc.constantFrom(
  "</title><script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  "</style>",
  "<!--",
  "-->",
  "]]>",
  "javascript:alert(1)",
  'data:image/svg+xml;base64,PHN2Zz4="',
  'data:image/png;base64,AAAA" onerror="alert(1)',
  "&lt;script&gt;",
  "{{alert(1)}}",
);

describe("reportHtml", () => {
  const report = reportFixture();

  test("no string breaks out: whatever the names, the page has the same tags", () => {
    const expected = structure(reportHtml(named(report, (place) => `x ${place}`)));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(attack, fc.string({ unit: "binary" })), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("")),
        (text) => {
          fc.pre(text !== "kd"); // the name of the other loss
          expect(structure(reportHtml(named(report, () => text)))).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("asks the network for nothing, runs nothing, and tells browsers to see to it", () => {
    const page = reportHtml(report);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"`);
    expect(page).not.toMatch(/<script|<link rel="stylesheet"|https?:|@import|url\(| on\w+="/);
  });

  test("says what was kept, saved, and against what", () => {
    const page = reportHtml(report);
    for (const text of [
      "<strong>99.3 %</strong> of the teacher’s accuracy",
      "<b>56.6×</b><span>fewer parameters</span>",
      "9.58 MB → 171 kB",
      "<b>62 %</b> of the way",
      "4 min 12 s",
    ]) {
      expect(page).toContain(text);
    }
    expect(page.match(/<h3>[^<]*(?=<\/h3><ul|<\/h3><\/figcaption)/g)?.map((title) => title.slice(4))).toEqual([
      "Accuracy",
      "Loss terms of the student",
      "Share of the gradient",
      "Validation loss",
      "Learning rate",
      "Temperature of kd",
    ]);
    expect(page.match(/<img src="data:image\/png;base64,/g)).toHaveLength(report.disagreements.length + (report.mistakes?.length ?? 0));
    expect(page).toContain('title="4 taken for 9: 16 of 982 (1.6 %)"');
  });

  test("a picture is shown only from pixels that are in the page", () => {
    const [sample] = report.disagreements;
    const shown = { ...report, mistakes: [] };
    const shows = (image: string) => reportHtml({ ...shown, disagreements: [{ ...(sample as Disagreement), image }] }).includes("<img");
    expect(shows("data:image/png;base64,iVBORw0KGgo=")).toBe(true);
    for (const image of ["https://example.com/a.png", "data:image/svg+xml;base64,PHN2Zy8+", "javascript:alert(1)", ""])
      expect(shows(image)).toBe(false);
  });

  test("a latency that was not measured is not spoken of", () => {
    const page = reportHtml({ ...report, reduction: { parameters: 2, flops: 2, bytes: 2, latency: Number.NaN } });
    expect(page).toContain("parameters. 30 epochs");
    expect(page).not.toMatch(/faster|slower|NaN/);
  });

  test("nothing is unnamed, missing or not a number", () => {
    for (const page of [reportHtml(report), reportHtml(trainingReportFixture())]) {
      expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
      const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const [, id] of page.matchAll(/ (?:aria-labelledby|for)="([^"]*)"/g)) expect(ids).toContain(id);
      for (const [image] of page.matchAll(/<img[^>]*>/g)) expect(image).toMatch(/ alt="[^"]+"/);
    }
  });

  test("tags close in the order in which they opened", () => {
    const open: string[] = [];
    for (const [, close, name, self] of reportHtml(report).matchAll(/<(\/?)([a-z]\w*)[^>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name);
      else if (!self && !["meta", "link", "img", "input"].includes(name ?? "")) open.push(name ?? "");
    }
    expect(open).toEqual([]);
  });

  test("a training run speaks of a model, and compares it with nothing", () => {
    const page = reportHtml(trainingReportFixture());
    expect(page).toContain("Training report");
    expect(page.replace(/<style>.*<\/style>/s, "").replace(/<pre.*<\/pre>/s, "")).not.toMatch(
      /[Tt]eacher|[Ss]tudent’s|Student|[Bb]aseline/,
    );
  });

  test("a teacher without a baseline has no gap to close", () => {
    const { baseline, ...rest } = report;
    const page = reportHtml({ ...rest, curves: { student: report.curves.student } });
    expect(page).toContain("of the teacher’s accuracy");
    expect(page.replace(/<style>.*<\/style>/s, "")).not.toMatch(/[Bb]aseline|of the way/);
  });

  test("one that got worse says so", () => {
    const student = { ...report.student, accuracy: { lastEpoch: 0.9 } };
    const page = reportHtml({ ...report, student, reduction: { parameters: 0.5, flops: 2, bytes: 2, latency: 0.8 } });
    expect(page).toContain("<strong>2.00× more</strong> parameters");
    expect(page).toContain("<strong>1.25× slower</strong>");
    expect(page).toContain("the student is below the baseline");
  });

  test("perfect accuracy, one epoch, diverged losses, many classes", () => {
    const [first] = report.curves.student;
    const epoch = { ...(first as EpochRecord), trainAccuracy: 1, validationAccuracy: 1, losses: { kd: Number.NaN } };
    const classes = Array.from({ length: 30 }, (_, index) => `class ${index}`);
    const confusion = classes.map((_, label) => classes.map((_, prediction) => (label === prediction ? 5 : 0)));
    const page = reportHtml({
      ...report,
      student: { ...report.student, errors: 0 },
      classes,
      confusion,
      curves: { student: [epoch] },
      disagreements: [],
    });
    expect(page).toContain("100 %");
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    expect(page).not.toContain("Most frequent mistakes");
  });
});
