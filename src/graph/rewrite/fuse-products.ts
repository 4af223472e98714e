import { float, floatAttribute, int, intAttribute, ints, intsAttribute } from "../attributes.ts";
import { type Graph, MICROSOFT, type Node, takenBy } from "../graph.ts";
import { pruneDead } from "./prune.ts";
import { type FreshNames, freshNames } from "./splice.ts";

/**
 * The graph with its matrix products in the form that ONNX Runtime's CPU kernels compute fastest: com.microsoft's FusedMatMul, which
 * transposes either operand for nothing.
 *
 * A product of a transposed operand takes the operand itself, and a transposed product is the product of its transposed operands the other
 * way round. Where a Transpose moves other axes too, it is left to move rows instead of elements. A Gemm with a bias is a product and an
 * Add: its kernel writes the bias to all of the result first, to add to it, which takes longer than the Add. (A MatMul before
 * an Add must not stay MatMul, or the runtime makes that Gemm of the two.)
 */
export function fuseProducts(graph: Graph): Graph {
  const fresh = freshNames(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const nodes = transposedResults(
    graph.nodes.flatMap((node) => withoutBias(node, fresh)),
    outputs,
    fresh,
  );
  const producers = new Map<string, Node>();
  const fused = nodes.flatMap((node) => {
    const result = transposedOperands(node, producers, fresh);
    for (const one of result) for (const output of one.outputs) producers.set(output, one);
    return result;
  });
  return pruneDead({ ...graph, opsets: { ...graph.opsets, [MICROSOFT]: graph.opsets[MICROSOFT] ?? 1 }, nodes: fused });
}

/** alpha·op(a)·op(b), where op transposes the last two axes if asked. */
interface Product {
  readonly operands: readonly [string, string];
  readonly transposed: readonly [boolean, boolean];
  readonly alpha: number;
}

function productOf(node: Node): Product | undefined {
  const isPlain = node.op === "MatMul" && node.domain === "";
  const isFused = node.op === "FusedMatMul" && node.domain === MICROSOFT;
  if (!isPlain && !isFused) return undefined;
  if (intAttribute(node, "transBatchA", 0) === 1 || intAttribute(node, "transBatchB", 0) === 1) return undefined;
  return productOfInputs(node);
}

function productOfInputs(node: Node): Product {
  const [a, b] = node.inputs as [string, string];
  const isTransposed = (name: string) => intAttribute(node, name, 0) === 1;
  return { operands: [a, b], transposed: [isTransposed("transA"), isTransposed("transB")], alpha: floatAttribute(node, "alpha", 1) };
}

function productNode(name: string, output: string, { operands, transposed: [a, b], alpha }: Product): Node {
  const attributes = { transA: int(Number(a)), transB: int(Number(b)), alpha: float(alpha) };
  return { op: "FusedMatMul", domain: MICROSOFT, name, inputs: operands, outputs: [output], attributes };
}

/** alpha·op(A)·op(B) + C in two nodes. */
function withoutBias(node: Node, fresh: FreshNames): readonly Node[] {
  const bias = node.inputs[2];
  if (node.op !== "Gemm" || node.domain !== "" || !bias || floatAttribute(node, "beta", 1) !== 1) return [node];
  const product = fresh(`${node.name}/product`);
  return [
    productNode(product, product, productOfInputs(node)),
    { op: "Add", domain: "", name: node.name, inputs: [product, bias], outputs: node.outputs, attributes: {} },
  ];
}

/** (a·b)ᵀ = bᵀ·aᵀ, where nothing else takes a·b. */
function transposedResults(nodes: readonly Node[], outputs: ReadonlySet<string>, fresh: FreshNames): readonly Node[] {
  const uses = new Map<string, number>();
  for (const name of nodes.flatMap(takenBy)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const products = new Map<string, Product>();
  return nodes.flatMap((node) => {
    const [input] = node.inputs as [string];
    const order = orderOf(node);
    const source = order && uses.get(input) === 1 && !outputs.has(input) ? products.get(input) : undefined;
    if (order && source) {
      const { operands, transposed, alpha } = source;
      const other: Product = { operands: [operands[1], operands[0]], transposed: [!transposed[1], !transposed[0]], alpha };
      const [last, rest] = [order.length - 1, order.map((axis) => swappedLast(axis, order.length))];
      if (isIdentity(rest)) return [productNode(node.name, node.outputs[0] as string, other)];
      if (order[last] !== last && rest[last] === last) {
        const product = fresh(`${node.name}/product`);
        return [productNode(product, product, other), { ...node, inputs: [product], attributes: { perm: ints(rest) } }];
      }
    }
    const own = productOf(node);
    if (own) products.set(node.outputs[0] as string, own);
    return [node];
  });
}

/** A product of the operands behind the transposes before it; what these do besides is left to others in their place. */
function transposedOperands(node: Node, producers: ReadonlyMap<string, Node>, fresh: FreshNames): readonly Node[] {
  const product = productOf(node);
  if (!product) return [node];
  const added: Node[] = [];
  const behind = (operand: string): string | undefined => {
    const producer = producers.get(operand);
    const order = producer && orderOf(producer);
    if (!producer || !order) return undefined;
    const last = order.length - 1;
    const rest = order.map((_, index) => order[swappedLast(index, order.length)] as number);
    if (isIdentity(rest)) return producer.inputs[0];
    if (order[last] === last || rest[last] !== last) return undefined;
    const name = fresh(`${producer.name}/rows`);
    added.push({ ...producer, name, outputs: [name], attributes: { perm: ints(rest) } });
    return name;
  };
  const [a, b] = product.operands.map(behind) as [string | undefined, string | undefined];
  const { operands, transposed, alpha } = product;
  const fused: Product = {
    operands: [a ?? operands[0], b ?? operands[1]],
    transposed: [transposed[0] !== (a !== undefined), transposed[1] !== (b !== undefined)],
    alpha,
  };
  return [...added, productNode(node.name, node.outputs[0] as string, fused)];
}

/** The axes of its input that a Transpose gives, in their order; `undefined` for other nodes. */
function orderOf(node: Node): readonly number[] | undefined {
  const order = node.op === "Transpose" && node.domain === "" ? intsAttribute(node, "perm") : undefined;
  return order && order.length >= 2 ? order : undefined;
}

/** The number of an axis when the last two of `rank` change places. */
function swappedLast(axis: number, rank: number): number {
  if (axis === rank - 1) return rank - 2;
  return axis === rank - 2 ? rank - 1 : axis;
}

const isIdentity = (order: readonly number[]): boolean => order.every((axis, index) => axis === index);
