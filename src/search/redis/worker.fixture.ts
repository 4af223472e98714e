import { startWorker, type WorkerOptions } from "./worker.ts";

// A worker as a process of its own, for tests: its options are its argument, as JSON.

const { entry, ...options } = JSON.parse(process.argv[2] as string) as Omit<WorkerOptions, "entry"> & { readonly entry?: string };
const worker = await startWorker({
  ...options,
  entry: entry === undefined ? undefined : new URL(entry),
  onNotice: (text) => console.log(text),
  onJob: (name, _, error) => console.log(`did ${name}${error ? `: ${error.message}` : ""}`),
});
process.on("SIGTERM", async () => {
  await worker.close();
  process.exit();
});
