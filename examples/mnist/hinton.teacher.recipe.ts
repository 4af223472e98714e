import { defineRecipe, mlp, mnist, oneCycle, sgd, shift } from "limbeck";

/**
 * The large net of Hinton, Vinyals and Dean, 2015 (arXiv:1503.02531), section 3: two layers of 1200 units, dropout, inputs jittered by two
 * pixels. Less dropout than theirs, for a shorter run.
 */
export default defineRecipe({
  name: "hinton-teacher",
  data: mnist({ augment: [shift(2)] }),
  student: mlp({ hidden: [1200, 1200], dropout: { hidden: 0.3 } }),
  optimizer: sgd({ learningRate: oneCycle(0.03), momentum: 0.9, nesterov: true }),
  clipNorm: 5,
  epochs: 30,
});
