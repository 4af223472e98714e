import { defineRecipe, hinton, mlp, mnist, oneCycle, sgd } from "limbeck";

/** The small net of Hinton et al., 2015: two layers of 800 units, no regularisation but the teacher's soft targets at temperature 20. */
export default defineRecipe({
  name: "hinton-student",
  data: mnist(),
  teacher: "../../runs/study-mnist/hinton.teacher-0/student.onnx",
  student: mlp({ hidden: [800, 800] }),
  losses: [hinton({ temperature: 20, alpha: 0.9 })],
  optimizer: sgd({ learningRate: oneCycle(0.05), momentum: 0.9, nesterov: true }),
  clipNorm: 5,
  epochs: 20,
});
