import { int } from "../attributes.ts";
import type { Attribute, Graph, Node, Value } from "../graph.ts";
import { codeOfElementType } from "../onnx/element-types.ts";
import { type ElementType, type Tensor, widened } from "../tensor.ts";

/**
 * A model in float16 or bfloat16 (or partly so) as one in float32, with the same weights: stored tensors, inputs and outputs, and what
 * casts and other operators name as their type. It computes at least as exactly. A model without such types comes back as it is.
 */
export function widenFloats(graph: Graph): Graph {
  const initializers = mapped([...graph.initializers], ([name, tensor]): [string, Tensor] | undefined =>
    isHalf(tensor.type) ? [name, widened(tensor)] : undefined,
  );
  const nodes = mapped(graph.nodes, widenNode);
  const inputs = mapped(graph.inputs, widenValue);
  const outputs = mapped(graph.outputs, widenValue);
  if (!initializers && !nodes && !inputs && !outputs) return graph;
  return {
    ...graph,
    inputs: inputs ?? graph.inputs,
    outputs: outputs ?? graph.outputs,
    nodes: nodes ?? graph.nodes,
    initializers: initializers ? new Map(initializers) : graph.initializers,
  };
}

const isHalf = (type: ElementType): boolean => type === "float16" || type === "bfloat16";
const HALVES: readonly number[] = [codeOfElementType("float16"), codeOfElementType("bfloat16")];
const FLOAT32 = codeOfElementType("float32");
/** Integer attributes that name an element type: of Cast, of random numbers, of (de)quantisation, and of what normalisations compute in. */
const TYPE_ATTRIBUTES: readonly string[] = ["to", "dtype", "output_dtype", "precision", "softmax_precision", "stash_type"];

/** A list with what `change` gives in place of each entry; `undefined` where it gives nothing for any. */
function mapped<T>(list: readonly T[], change: (entry: T) => T | undefined): readonly T[] | undefined {
  let changed: T[] | undefined;
  list.forEach((entry, index) => {
    const instead = change(entry);
    if (instead === undefined) return;
    changed ??= [...list];
    changed[index] = instead;
  });
  return changed;
}

function widenValue(value: Value): Value | undefined {
  return isHalf(value.type) ? { ...value, type: "float32" } : undefined;
}

function widenNode(node: Node): Node | undefined {
  const attributes = mapped(Object.entries(node.attributes), ([name, attribute]): [string, Attribute] | undefined => {
    const wide = widenAttribute(name, attribute);
    return wide && [name, wide];
  });
  return attributes && { ...node, attributes: Object.fromEntries(attributes) };
}

function widenAttribute(name: string, attribute: Attribute): Attribute | undefined {
  switch (attribute.kind) {
    case "tensor":
      return isHalf(attribute.value.type) ? { kind: "tensor", value: widened(attribute.value) } : undefined;
    case "int":
      return TYPE_ATTRIBUTES.includes(name) && HALVES.includes(attribute.value) ? int(FLOAT32) : undefined;
    case "graph": {
      const wide = widenFloats(attribute.value);
      return wide === attribute.value ? undefined : { kind: "graph", value: wide };
    }
  }
  return undefined;
}
