import type { GraphBuilder } from "../../../builder/builder.ts";
import type { Node, Value } from "../../../graph.ts";
import type { Activation } from "./activations.ts";

/** What a cell carries from step to step, [1, B, H] each, h first; `undefined` stands for zeros. */
export type State = readonly (Value | undefined)[];

/** One step: from the projected input [1, B, G·H] and the state to the next state. */
export type Step = (input: Value, state: State) => readonly Value[];

/** What the steps of one direction are made of; G gates of H units. */
export interface CellParts {
  readonly g: GraphBuilder;
  readonly node: Node;
  /** H */
  readonly units: number;
  /** Of the state, [G·H, H]. */
  readonly weight: Value;
  /** Added to the product of state and weight, [G·H]; `undefined` where the input's projection has it already. */
  readonly bias: Value | undefined;
  /** By which the gates of an LSTM see its memory, [3·H]. */
  readonly peepholes: Value | undefined;
  readonly activations: readonly Activation[];
}

/** A kind of recurrent layer. */
export interface Cell {
  /** G */
  readonly gates: number;
  /** How many tensors the state has. */
  readonly states: number;
  /** The default activations of one direction, those of gates first. */
  readonly activations: readonly string[];
  /** How many of them are those of gates. */
  readonly gateActivations: number;
  /** Whether the bias of the state is added apart from that of the input. */
  readonly keepsBias: (node: Node) => boolean;
  readonly step: (parts: CellParts) => Step;
}
