import { affine, crossEntropy, defineRecipe, mnist, oneCycle, sgd, smallCnn } from "limbeck";

/** The committed teacher.onnx: `limbeck train examples/mnist/teacher.recipe.ts`. */
export default defineRecipe({
  name: "mnist-teacher",
  data: mnist({
    validation: 5000,
    augment: [affine({ rotate: 15, scale: [0.85, 1.15], shear: 10, translate: 2 })],
  }),
  student: smallCnn({ channels: [16, 32, 64], depth: 1, hidden: 200, dropout: 0.4 }),
  losses: [crossEntropy({ labelSmoothing: 0.05 })],
  optimizer: sgd({ learningRate: oneCycle(0.1), momentum: 0.9, nesterov: true, weightDecay: 5e-4 }),
  epochs: 12,
});
