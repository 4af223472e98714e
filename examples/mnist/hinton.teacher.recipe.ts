import { defineRecipe, linear, mlp, mnist, sgd, shift } from "limbeck";

/** The large net of Hinton, Vinyals and Dean, 2015 (arXiv:1503.02531), section 3: two layers of 1200 units, dropout, inputs jittered by two pixels. */
export default defineRecipe({
  name: "hinton-teacher",
  data: mnist({ augment: [shift(2)] }),
  student: mlp({ hidden: [1200, 1200], dropout: { input: 0.2, hidden: 0.5 } }),
  optimizer: sgd({ learningRate: linear(0.03, 0, { warmup: 0.02 }), momentum: 0.9 }),
  epochs: 12,
});
