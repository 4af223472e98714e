import { affine, defineRecipe, hinton, mlp, mnist, oneCycle, sgd } from "limbeck";

/** The article's claim: a student 784-600-10 with 80% fewer parameters than the 784-1200-1200-10 network (477,010 against 2,395,210). */
export default defineRecipe({
  name: "article",
  data: mnist({ augment: [affine({ rotate: 15, scale: [0.85, 1.15], shear: 10, translate: 2 })] }),
  teacher: "./teacher.onnx",
  student: mlp({ hidden: [600] }),
  losses: [hinton({ temperature: 1, alpha: 0.9 })],
  optimizer: sgd({ learningRate: oneCycle(0.1), momentum: 0.9, nesterov: true }),
  epochs: 10,
  baseline: false,
});
