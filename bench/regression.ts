/** The least-squares line through points. */
export function line(xs: readonly number[], ys: readonly number[]): { readonly slope: number; readonly intercept: number } {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  const covariance = mean(xs.map((x, index) => (x - meanX) * ((ys[index] as number) - meanY)));
  const slope = covariance / mean(xs.map((x) => (x - meanX) ** 2));
  return { slope, intercept: meanY - slope * meanX };
}
