import { graphBuilder } from "../graph/builder/builder.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { float32 } from "../graph/tensor.ts";
import type { Runtime } from "./runtime.ts";

/** More channels than any kernel of ONNX Runtime puts side by side. */
const MANY = 64;

/**
 * How many channels lie side by side in the layout of this runtime's convolution kernels: 16 with AVX-512, 8 with AVX; `undefined` where it
 * has no such kernels (WebAssembly, GPUs, older processors).
 */
export async function channelBlockOf(runtime: Runtime): Promise<number | undefined> {
  if (runtime.device !== "cpu") return undefined;
  const g = graphBuilder("channel-block");
  g.output(g.reorderInput(g.input("x", "float32", [1, MANY, 1, 2])), "y");
  const session = await runtime.createSession(writeOnnx(g.build()), { threads: 1 }).catch(() => undefined);
  if (!session) return undefined;
  try {
    const x = float32(Float32Array.from({ length: 2 * MANY }, (_, index) => index));
    const { y } = await session.run({ x: { ...x, shape: [1, MANY, 1, 2] } });
    // The second pixel of the first channel comes after the first pixel of a block of channels.
    const block = Array.from(y?.data as Float32Array).indexOf(1);
    return block > 1 ? block : undefined;
  } finally {
    await session.release();
  }
}
