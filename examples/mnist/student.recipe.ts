import { affine, defineRecipe, hinton, mlp, mnist, oneCycle, sgd } from "limbeck";

/** What `npm start` runs: a convolutional teacher, a student of two fully connected layers. */
export default defineRecipe({
  name: "mnist-student",
  data: mnist({
    validation: 5000,
    augment: [affine({ rotate: 15, scale: [0.85, 1.15], shear: 10, translate: 2 })],
  }),
  teacher: "./teacher.onnx",
  student: mlp({ hidden: [256] }),
  losses: [hinton({ temperature: 1, alpha: 0.9 })],
  optimizer: sgd({ learningRate: oneCycle(0.1), momentum: 0.9, nesterov: true }),
  epochs: 12,
});
