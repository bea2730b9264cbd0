/** The distributions of jstat (https://jstat.github.io/distributions.html) that are used here; it comes without types. */
declare module 'jstat' {
  const jStat: {
    readonly beta: {
      /** The quantile `p` of Beta(alpha, beta). */
      inv(p: number, alpha: number, beta: number): number
    }
    readonly studentt: {
      /** P(T ≤ x) with `degrees` of freedom. */
      cdf(x: number, degrees: number): number
      /** The x with P(T ≤ x) = p. */
      inv(p: number, degrees: number): number
    }
  }
  export default jStat
}
