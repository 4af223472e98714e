/**
 * Networks as graphs: the zoo, published weights loaded by their names, a new head for other classes, what a model needs to be trained.
 * Runs in Node and in a browser; needs no ONNX Runtime.
 *
 * @packageDocumentation
 */
export { headFor } from "./nn/head.ts";
export { type LoadOptions, loadWeights } from "./nn/load-weights.ts";
export { type EncoderConfiguration, encoderConfiguration } from "./nn/pretrained/configuration.ts";
export { type EncoderOptions, type Head, type PretrainedEncoder, pretrainedEncoder } from "./nn/pretrained/encoder.ts";
export { tensorsOfOnnx } from "./nn/pretrained/onnx-tensors.ts";
export { readSafetensors, writeSafetensors } from "./nn/safetensors.ts";
export { type BertConfiguration, bert, bertClassifier, bertEmbedder, bertMaskedLm, bertVariants } from "./nn/zoo/bert.ts";
export { bilstm } from "./nn/zoo/bilstm.ts";
export { distilbert, distilbertBase, distilbertClassifier, distilbertEmbedder, distilbertMaskedLm } from "./nn/zoo/distilbert.ts";
export { textCnn } from "./nn/zoo/text-cnn.ts";
export { type VitConfiguration, vit, vitVariants } from "./nn/zoo/vit.ts";
export { type ArchitectureName, type ArchitectureOptions, architectures, buildArchitecture } from "./nn/zoo/zoo.ts";
export { type Trainable, trainable } from "./train/trainable.ts";
