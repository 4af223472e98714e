/** Which class of a model stands for which of the data, if its classes are in another order. */
export interface Reordering {
  /** For each class of the data, that of the model. */
  readonly order: readonly number[];
  /** Of the model in that order. */
  readonly accuracy: number;
}

/**
 * The order of a model's classes in which most samples would be right; as they are where that is as good.
 *
 * @param confusion [C][C]: `confusion[label][prediction]` is a number of samples.
 */
export function bestReordering(confusion: readonly (readonly number[])[]): Reordering {
  const classes = confusion.length;
  // All entries of the diagonal together count less than one sample.
  const gains = confusion.map((row, label) => row.map((count, prediction) => count * (classes + 1) + Number(label === prediction)));
  const order = bestAssignment(gains);
  const total = confusion.flat().reduce((sum, count) => sum + count, 0);
  return { order, accuracy: order.reduce((sum, prediction, label) => sum + (confusion[label]?.[prediction] ?? 0), 0) / total };
}

/**
 * The column of each row of a square matrix, each column once, with the greatest sum of entries: Kuhn's assignment problem (1955), by shortest
 * augmenting paths (Jonker and Volgenant, 1987) in O(n³).
 */
export function bestAssignment(gains: readonly (readonly number[])[]): number[] {
  const size = gains.length;
  // Row and column 0 stand for none.
  const [ofRow, ofColumn] = [new Float64Array(size + 1), new Float64Array(size + 1)];
  const rowAt = new Int32Array(size + 1);
  for (let row = 1; row <= size; row++) {
    const shortest = new Float64Array(size + 1).fill(Number.POSITIVE_INFINITY);
    const [before, reached] = [new Int32Array(size + 1), new Uint8Array(size + 1)];
    rowAt[0] = row;
    let column = 0;
    while (rowAt[column] !== 0) {
      reached[column] = 1;
      const from = rowAt[column] as number;
      let [step, next] = [Number.POSITIVE_INFINITY, 0];
      for (let to = 1; to <= size; to++) {
        if (reached[to]) continue;
        const length = -(gains[from - 1]?.[to - 1] ?? 0) - (ofRow[from] as number) - (ofColumn[to] as number);
        if (length < (shortest[to] as number)) [shortest[to], before[to]] = [length, column];
        if ((shortest[to] as number) < step) [step, next] = [shortest[to] as number, to];
      }
      for (let to = 0; to <= size; to++) {
        if (reached[to]) {
          (ofRow[rowAt[to] as number] as number) += step;
          (ofColumn[to] as number) -= step;
        } else (shortest[to] as number) -= step;
      }
      column = next;
    }
    while (column !== 0) {
      const previous = before[column] as number;
      rowAt[column] = rowAt[previous] as number;
      column = previous;
    }
  }
  const columns = new Array<number>(size).fill(0);
  for (let column = 1; column <= size; column++) columns[(rowAt[column] as number) - 1] = column - 1;
  return columns;
}
