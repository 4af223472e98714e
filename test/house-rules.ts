import { isBuiltin } from "node:module";
import { posix } from "node:path";
import ts from "typescript";

/**
 * The floor of each folder of src/: a file imports from its own floor or from below. CONTRIBUTING.md says what each is for.
 */
const floors: Readonly<Record<string, number>> = {
  graph: 1,
  autodiff: 2,
  runtime: 2,
  nn: 3,
  data: 3,
  losses: 4,
  train: 4,
  distill: 5,
  measure: 5,
  search: 6,
  export: 6,
  report: 6,
  run: 6,
  cli: 7,
  studio: 7,
};
/** Files directly in src/ that belong to no folder: what everybody may import, and the package's entry points. */
const ground: readonly string[] = ["src/errors.ts", "src/options.ts", "src/random.ts"];
const entries: readonly string[] = ["src/index.ts", "src/graph-entry.ts", "src/nn-entry.ts", "src/web.ts"];
const TOP = 8;

/** What runs unchanged in a browser. */
const core =
  /^src\/(graph|autodiff|nn|losses|train|distill|measure|data|runtime)\/|^src\/(errors|options|random|graph-entry|nn-entry|web)\.ts$/;
const notCore = /^src\/data\/node\/|^src\/runtime\/node\.ts$|\.node\.ts$/;
/** Each package of ONNX Runtime, and the one file that speaks to it. */
const runtimes: Readonly<Record<string, string>> = {
  "onnxruntime-common": "src/runtime/ort.ts",
  "onnxruntime-node": "src/runtime/node.ts",
  "onnxruntime-web": "src/runtime/web.ts",
};
/** Tests, and what only tests use: they may import from any floor. */
const forTests = /\.(test|cases|fixture)\.tsx?$/;
const MOST_LINES = 400;

/** The source files of src/ by path (`src/graph/graph.ts`), with their text. */
export type SourceFiles = ReadonlyMap<string, string>;

/** Every place where the source breaks a rule of the house, as a line that names the file, what it does, and the rule. */
export function violations(files: SourceFiles): string[] {
  return [...files].flatMap(([path, text]) => {
    const source = ts.createSourceFile(
      path,
      text,
      ts.ScriptTarget.Latest,
      false,
      path.endsWith(".tsx") ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
    );
    const imports = importsOf(source);
    const found = [...shapeViolations(source, text), ...imports.flatMap((specifier) => resolutionViolations(path, specifier, files))];
    if (!forTests.test(path)) {
      if (floorOf(path) === undefined) found.push("is in no folder of the house (rule: every file has a floor)");
      found.push(...imports.flatMap((specifier) => importViolations(path, specifier)));
    }
    return found.map((violation) => `${path} ${violation}`);
  });
}

function shapeViolations(source: ts.SourceFile, text: string): string[] {
  const found: string[] = [];
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  if (lines > MOST_LINES) found.push(`has ${lines} lines (rule: at most ${MOST_LINES} in a file)`);
  if (hasDefaultExport(source)) found.push("has a default export (rule: named exports only)");
  if (!entries.includes(source.fileName) && isBarrel(source))
    found.push("only passes on what other files export (rule: no barrel files but the package's entries)");
  visit(source, (node) => {
    if (node.kind !== ts.SyntaxKind.AnyKeyword) return;
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    found.push(`says \`any\` in line ${line + 1} (rule: no any)`);
  });
  return found;
}

function resolutionViolations(path: string, specifier: string, files: SourceFiles): string[] {
  const target = resolved(path, specifier);
  if (target === undefined || /\.(?!tsx?$|js$|mjs$)\w+$/.test(target)) return [];
  return files.has(target)
    ? []
    : [`imports ${specifier}, which is no source file (rule: our own files are imported by their path in src, ending in .ts)`];
}

function importViolations(path: string, specifier: string): string[] {
  const target = resolved(path, specifier);
  const found: string[] = [];
  const isCore = core.test(path) && !notCore.test(path);
  if (target === undefined) {
    const owner = Object.entries(runtimes).find(([name]) => specifier === name || specifier.startsWith(`${name}/`))?.[1];
    if (owner && owner !== path) found.push(`imports ${specifier} (rule: only ${owner} does)`);
    if (isCore && isBuiltin(specifier)) found.push(`imports ${specifier} (rule: core runs in a browser, so it imports nothing of Node)`);
    return found;
  }
  const [own, other] = [floorOf(path), floorOf(target)];
  if (own !== undefined && other !== undefined && other > own) {
    found.push(`imports ${specifier} from floor ${other}, but is on floor ${own} (rule: import from your own floor or below)`);
  }
  if (isCore && (!core.test(target) || notCore.test(target)))
    found.push(`imports ${specifier}, which is not core (rule: core imports only core)`);
  if (forTests.test(target)) found.push(`imports ${specifier} (rule: only tests import what is for tests)`);
  return found;
}

/** The path of one of our own files; nothing for a package. */
function resolved(path: string, specifier: string): string | undefined {
  return specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined;
}

function floorOf(path: string): number | undefined {
  if (ground.includes(path)) return 0;
  if (entries.includes(path)) return TOP;
  const [, folder] = /^src\/([^/]+)\//.exec(path) ?? [];
  return folder === undefined ? undefined : floors[folder];
}

/** What a file imports in any way: import, export from, import(), import types. */
function importsOf(source: ts.SourceFile): string[] {
  const found: string[] = [];
  const add = (node: ts.Node | undefined) => node && ts.isStringLiteralLike(node) && found.push(node.text);
  visit(source, (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier);
    if (
      ts.isCallExpression(node) &&
      (node.expression.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(node.expression) && node.expression.text === "require"))
    )
      add(node.arguments[0]);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal);
  });
  return found;
}

function hasDefaultExport(source: ts.SourceFile): boolean {
  return source.statements.some(
    (statement) =>
      ts.isExportAssignment(statement) ||
      (ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)) ||
      (ts.isExportDeclaration(statement) &&
        statement.exportClause !== undefined &&
        ts.isNamedExports(statement.exportClause) &&
        statement.exportClause.elements.some(({ name }) => name.text === "default")),
  );
}

function isBarrel(source: ts.SourceFile): boolean {
  const passesOn = (statement: ts.Statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined;
  return (
    source.statements.length > 0 &&
    source.statements.every((statement) => ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) &&
    source.statements.some(passesOn)
  );
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}
