/**
 * The inverse error function of float32 numbers with the last bits that PyTorch gives on the CPU: a rational approximation and two steps of Newton's
 * method in float32, each multiply-add of the approximation rounded once. The steps lean on the C library's `erff`, so that is here too.
 */
import { fma32 } from "../../core/random/fma.ts";

const f = Math.fround;
const all = (...c: number[]): readonly number[] => c.map(f);

/** A polynomial in float32, lowest coefficient first, each operation rounded. */
function polynomial(c: readonly number[], x: number): number {
  let sum = c.at(-1)!;
  for (let i = c.length - 2; i >= 0; i--) sum = f(c[i]! + f(sum * x));
  return sum;
}
/** The same with multiply-adds rounded once. */
function fusedPolynomial(c: readonly number[], x: number): number {
  let sum = c.at(-1)!;
  for (let i = c.length - 2; i >= 0; i--) sum = fma32(sum, x, c[i]!);
  return sum;
}

// Source of these coefficients: the rational approximations of erf in Sun's mathematical library, which C libraries share.
const NEAR_P = all(0.12837916613, -0.32504209876, -0.028481749818, -0.005770270247, -2.3763017452e-5);
const NEAR_Q = all(1, 0.39791721106, 0.0650222525, 0.0050813062117, 1.3249473704e-4, -3.9602282413e-6);
const ONE_P = all(-0.0023621185683, 0.41485610604, -0.37220788002, 0.31834661961, -0.11089469492, 0.035478305072, -0.0021663755178);
const ONE_Q = all(1, 0.10642088205, 0.54039794207, 0.071828655899, 0.12617121637, 0.013637083583, 0.011984500103);
const ERF_ONE = f(0.84506291151);
const FAR_P = all(
  -0.0098649440333,
  -0.6938585639,
  -10.558626175,
  -62.375331879,
  -162.39666748,
  -184.60508728,
  -81.287437439,
  -9.8143291473,
);
const FAR_Q = all(1, 19.65127182, 137.65776062, 434.56588745, 645.38726807, 429.00814819, 108.63500214, 6.5702495575, -0.060424413532);
const TAIL_P = all(-0.009864943102, -0.79928326607, -17.757955551, -160.63638306, -637.56646729, -1025.0950928, -483.51919556);
const TAIL_Q = all(1, 30.338060379, 325.79251099, 1536.7296143, 3199.8581543, 2553.050293, 474.52853394, -22.440952301);

const word = new Int32Array(1);
const float = new Float32Array(word.buffer);
/** The number with the last twelve bits of its significand cleared, so that its square is exact. */
function coarse(x: number): number {
  float[0] = x;
  word[0]! &= ~0xfff;
  return float[0]!;
}

/** The error function of a float32, as the C library rounds it. */
export function erf32(x: number): number {
  const a = Math.abs(x);
  const sign = x < 0 ? -1 : 1;
  if (a < 0.84375) {
    const z = f(x * x);
    return f(x + f(x * f(polynomial(NEAR_P, z) / polynomial(NEAR_Q, z))));
  }
  if (a < 1.25) {
    const s = f(a - 1);
    return sign * f(ERF_ONE + f(polynomial(ONE_P, s) / polynomial(ONE_Q, s)));
  }
  if (a >= 6) return sign;
  const s = f(1 / f(a * a));
  const far = a < 1 / 0.35;
  const ratio = f(polynomial(far ? FAR_P : TAIL_P, s) / polynomial(far ? FAR_Q : TAIL_Q, s));
  const z = coarse(a);
  const r = f(f(Math.exp(f(f(-z * z) - 0.5625))) * f(Math.exp(f(f(f(z - a) * f(z + a)) + ratio))));
  return sign * f(1 - f(r / a));
}

const CENTRE_P = all(0.886226899, -1.645349621, 0.914624893, -0.140543331);
const CENTRE_Q = all(1, -2.118377725, 1.442710462, -0.329097515, 0.012229801);
const OUTER_P = all(-1.970840454, -1.624906493, 3.429567803, 1.641345311);
const OUTER_Q = all(1, 3.5438892, 1.6370678);
const TWO_BY_ROOT_PI = f(2 / f(Math.sqrt(Math.PI)));

/** The x of which `y` is the error function. */
export function erfinv32(y: number): number {
  const a = Math.abs(y);
  if (a > 1) return Number.NaN;
  if (a === 1) return y * Number.POSITIVE_INFINITY;
  let x: number;
  if (a <= f(0.7)) {
    const z = f(y * y);
    x = f(f(y * fusedPolynomial(CENTRE_P, z)) / fusedPolynomial(CENTRE_Q, z));
  } else {
    const z = f(Math.sqrt(-f(Math.log(f(f(1 - a) / 2)))));
    x = f((Math.sign(y) * fusedPolynomial(OUTER_P, z)) / fusedPolynomial(OUTER_Q, z));
  }
  for (let step = 0; step < 2; step++) x = f(x - f(f(erf32(x) - y) / f(TWO_BY_ROOT_PI * f(Math.exp(f(-x * x))))));
  return x;
}
