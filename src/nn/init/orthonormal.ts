/**
 * The columns of a matrix (m, n), row-major, m >= n, made orthonormal: the factor Q of its QR decomposition in which the diagonal of R is positive,
 * which is the only one. Gram and Schmidt's method, each column projected twice, in float64.
 */
export function orthonormalColumns(a: Float64Array, m: number, n: number): Float64Array {
  for (let j = 0; j < n; j++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < j; k++) {
        let dot = 0;
        for (let i = 0; i < m; i++) dot += a[i * n + k]! * a[i * n + j]!;
        for (let i = 0; i < m; i++) a[i * n + j]! -= dot * a[i * n + k]!;
      }
    }
    let squares = 0;
    for (let i = 0; i < m; i++) squares += a[i * n + j]! ** 2;
    const norm = Math.sqrt(squares);
    for (let i = 0; i < m; i++) a[i * n + j] = norm === 0 ? 0 : a[i * n + j]! / norm;
  }
  return a;
}
