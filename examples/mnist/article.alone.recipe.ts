import { defineRecipe, mlp, mnist, oneCycle, sgd } from "limbeck";
import distilled from "./article.recipe.ts";

/** The same student on the labels alone, with the learning rate that suits it better: 0.1 and more unsettle it without the soft targets. */
export default defineRecipe({
  name: "article-alone",
  data: mnist({ augment: distilled.data.augment }),
  student: mlp({ hidden: [600] }),
  optimizer: sgd({ learningRate: oneCycle(0.05), momentum: 0.9, nesterov: true }),
  epochs: distilled.epochs,
});
