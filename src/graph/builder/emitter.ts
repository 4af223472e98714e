import { LimbeckError } from "../../errors.ts";
import { type Attributes, type Dim, describeNode, type Graph, type Node, OPSET, type Shape, type Value } from "../graph.ts";
import { evaluate } from "../rewrite/evaluate.ts";
import { renameValues } from "../rewrite/rename.ts";
import { inferOutputs } from "../shapes/infer.ts";
import type { ShapeContext, ValueType } from "../shapes/rule.ts";
import { type ElementType, elementCount, float32, type Tensor } from "../tensor.ts";

/** A value, or a number that stands for a scalar constant of the other operand's type. */
export type Operand = Value | number;

export interface EmitOptions {
  readonly attributes?: Attributes;
  readonly domain?: string;
  /** How many outputs the node has; 1 unless given. */
  readonly outputs?: number;
  /** Names for the outputs, where they must be kept (an existing graph is being replayed). */
  readonly outputNames?: readonly string[];
  readonly name?: string;
}

/** Tensors larger than this are no shapes, axes or sizes, so what is computed of them need not be known. */
const SMALL = 2 ** 10;

/** The state of a graph under construction. Shapes are inferred, and so checked, as each node is emitted. */
export class Emitter {
  readonly #inputs: Value[] = [];
  readonly #outputs = new Map<string, Value>();
  readonly #nodes: Node[] = [];
  readonly #initializers = new Map<string, Tensor>();
  readonly #values = new Map<string, Value>();
  readonly #constants = new Map<string, Value>();
  readonly #constantTensors = new Map<string, Tensor>();
  readonly #sizes = new Map<string, readonly Dim[]>();
  readonly #opsets: Record<string, number> = { "": OPSET };
  readonly #counts = new Map<string, number>();
  readonly #scopes: string[] = [];
  readonly metadata: Record<string, string> = {};

  /** @param separator Stands between the scopes and the name of what is made in them. */
  constructor(
    readonly name: string,
    readonly separator = "/",
  ) {}

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  get initializers(): ReadonlyMap<string, Tensor> {
    return this.#initializers;
  }

  input(name: string, type: ElementType, shape: Shape): Value {
    const value = this.#define({ name, type, shape });
    this.#inputs.push(value);
    return value;
  }

  /** A weight or other stored tensor, named within the current scope. */
  initializer(name: string, tensor: Tensor): Value {
    return this.store(this.unique(name), tensor);
  }

  /** Like `initializer`, under exactly this name. */
  store(name: string, tensor: Tensor): Value {
    const value = this.#define({ name, type: tensor.type, shape: tensor.shape });
    this.#initializers.set(name, tensor);
    this.#constantTensors.set(name, tensor);
    return value;
  }

  /** A small constant; equal ones are stored once. */
  constant(tensor: Tensor): Value {
    const key = `${tensor.type}[${tensor.shape.join()}]${elementsKey(tensor)}`;
    let value = this.#constants.get(key);
    if (!value) {
      value = this.store(this.#unused("constant"), tensor);
      this.#constants.set(key, value);
    }
    return value;
  }

  /** A number as a scalar of the given float or integer type. */
  scalar(number: number, type: ElementType = "float32"): Value {
    if (type === "float32") return this.constant(float32([number], []));
    if (type === "int64" && Number.isInteger(number)) return this.constant({ type, shape: [], data: BigInt64Array.of(BigInt(number)) });
    if (type === "int32" && Number.isInteger(number)) return this.constant({ type, shape: [], data: Int32Array.of(number) });
    if (type === "float64") return this.constant({ type, shape: [], data: Float64Array.of(number) });
    throw new LimbeckError(`The number ${number} cannot stand for a scalar of type ${type}.`);
  }

  /** The tensor behind a value that is known before the graph runs. */
  constantOf(value: Value): Tensor | undefined {
    return this.#constantTensors.get(value.name);
  }

  /** The value of this name. @throws LimbeckError when there is none. */
  value(name: string): Value {
    const value = this.#values.get(name);
    if (!value) throw new LimbeckError(`The graph has no value named "${name}".`, { where: `graph "${this.name}"` });
    return value;
  }

  /** Version of the operator set of a domain. */
  opsetOf(domain: string): number | undefined {
    return this.#opsets[domain];
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Runs `body` with every name it makes prefixed by `name` and the separator. */
  scope<T>(name: string, body: () => T): T {
    this.#scopes.push(name);
    try {
      return body();
    } finally {
      this.#scopes.pop();
    }
  }

  /** `name` within the current scope, numbered if taken. */
  unique(name: string): string {
    return this.#unused([...this.#scopes, name].join(this.separator));
  }

  emit(op: string, inputs: readonly (Value | undefined)[], options: EmitOptions = {}): Value[] {
    const { attributes = {}, domain = "", outputs = options.outputNames?.length ?? 1 } = options;
    // A node's outputs are called after it unless named, so its name must then be free among the values too.
    const free = options.name && !this.#counts.has(options.name) && (options.outputNames || !this.has(options.name));
    const name = free ? (options.name as string) : this.unique(op);
    this.#counts.set(name, this.#counts.get(name) ?? 0);
    if (domain && !(domain in this.#opsets)) this.#opsets[domain] = 1;
    const outputNames = options.outputNames ?? Array.from({ length: outputs }, (_, index) => (outputs === 1 ? name : `${name}:${index}`));
    const node: Node = { op, domain, name, inputs: inputs.map((input) => input?.name ?? ""), outputs: outputNames, attributes };
    for (const input of inputs) {
      if (input && this.#values.get(input.name) !== input)
        throw new LimbeckError(`${describeNode(node)} takes "${input.name}", which is not of this graph.`);
    }
    const context: ShapeContext = {
      node,
      opset: this.#opsets[domain] as number,
      inputs,
      constant: (index) => (inputs[index] ? this.constantOf(inputs[index]) : undefined),
      symbolic: (index) => this.#sizes.get(inputs[index]?.name ?? ""),
    };
    const types = inferOutputs(context);
    const values = outputNames.map((output, index): Value => {
      const type = types[index];
      if (!type) throw new LimbeckError(`${describeNode(node)} has no output number ${index}.`);
      return { name: output, ...type };
    });
    for (const value of values) if (value.name !== "") this.#define(value);
    this.#nodes.push(node);
    this.#learn(context, types.slice(0, values.length));
    return values;
  }

  /** Keeps what is known of a node's outputs before the graph runs: constants, and the arithmetic on sizes that exporters emit. */
  #learn(context: ShapeContext, types: readonly ValueType[]): void {
    const isSmall = ({ shape }: ValueType) => context.node.op === "Constant" || elementCount(shape.map(Number)) <= SMALL;
    evaluate(context, types, isSmall).forEach(({ constant, symbolic }, index) => {
      const name = context.node.outputs[index] as string;
      if (constant) this.#constantTensors.set(name, constant);
      if (symbolic) this.#sizes.set(name, symbolic);
    });
  }

  /**
   * Declares an output of the graph, under `name` in the finished graph.
   *
   * @throws LimbeckError when the value is not of this graph, or another value or output has that name.
   */
  output(value: Value, name = value.name): void {
    if (this.#values.get(value.name) !== value) throw new LimbeckError(`The output "${name}" is not of the graph "${this.name}".`);
    if (this.#outputs.has(name)) throw new LimbeckError(`The graph already has an output named "${name}".`);
    if (name !== value.name && this.has(name)) throw this.#taken(name);
    this.#outputs.set(name, value);
  }

  /**
   * The finished graph. A value that a node gives takes the name it is an output under; one that must keep its own name, or has several,
   * passes through an Identity.
   */
  build(): Graph {
    const nodes = [...this.#nodes];
    const renamed = new Map<string, string>();
    const kept = new Set([...this.#inputs.map(({ name }) => name), ...this.#initializers.keys()]);
    for (const [name, value] of this.#outputs) if (name === value.name) kept.add(name);
    for (const [name, { name: from }] of this.#outputs) {
      if (name === from) continue;
      if (kept.has(from) || renamed.has(from)) {
        nodes.push({ op: "Identity", domain: "", name: `${name}/Identity`, inputs: [from], outputs: [name], attributes: {} });
      } else renamed.set(from, name);
    }
    const outputs = Array.from(this.#outputs, ([name, value]): Value => ({ ...value, name }));
    const graph: Graph = {
      name: this.name,
      opsets: { ...this.#opsets },
      inputs: [...this.#inputs],
      outputs,
      nodes,
      initializers: new Map(this.#initializers),
      metadata: { ...this.metadata },
    };
    // The outputs carry their final names already.
    return { ...renameValues(graph, renamed), outputs };
  }

  #define(value: Value): Value {
    if (this.has(value.name) || this.#outputs.has(value.name)) throw this.#taken(value.name);
    this.#values.set(value.name, value);
    return value;
  }

  #taken(name: string): LimbeckError {
    return new LimbeckError(`The graph "${this.name}" already has a value named "${name}".`);
  }

  #unused(base: string): string {
    let name = base;
    while (this.has(name) || this.#outputs.has(name) || this.#counts.has(name)) {
      const count = (this.#counts.get(base) ?? 0) + 1;
      this.#counts.set(base, count);
      name = `${base}_${count}`;
    }
    this.#counts.set(name, 0);
    return name;
  }
}

/** Tells tensors of one type and shape apart by their elements, −0 from 0 included. */
function elementsKey({ type, data }: Tensor): string {
  if (type === "string") return JSON.stringify(data);
  return Array.from(data as ArrayLike<number | bigint>, (element) => (Object.is(element, -0) ? "-0" : String(element))).join();
}
