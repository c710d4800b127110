/** The arithmetic of a small transformer and its gradients, over flat arrays of 32-bit floats. */

export interface Sizes {
  readonly rows: number;
  readonly inner: number;
  readonly outer: number;
}

/** `out[row, o] = Σ_i input[row, i] · weights[o, i]`; `inner` is a multiple of 4. */
export function multiply(
  out: Float32Array,
  input: Float32Array,
  weights: Float32Array,
  { rows, inner, outer }: Sizes,
): Float32Array {
  for (let row = 0; row < rows; row += 1) {
    const x = row * inner;
    for (let o = 0; o < outer; o += 1) {
      const w = o * inner;
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let i = 0; i < inner; i += 4) {
        a += input[x + i]! * weights[w + i]!;
        b += input[x + i + 1]! * weights[w + i + 1]!;
        c += input[x + i + 2]! * weights[w + i + 2]!;
        d += input[x + i + 3]! * weights[w + i + 3]!;
      }
      out[row * outer + o] = a + b + c + d;
    }
  }
  return out;
}

/** Gradients of {@link multiply}, added to `inputGradient` and `weightGradient`. */
export function multiplyBackward(
  { inputGradient, weightGradient }: { readonly inputGradient: Float32Array; readonly weightGradient: Float32Array },
  { gradient, input, weights }: Readonly<Record<'gradient' | 'input' | 'weights', Float32Array>>,
  { rows, inner, outer }: Sizes,
): void {
  for (let row = 0; row < rows; row += 1) {
    const x = row * inner;
    for (let o = 0; o < outer; o += 1) {
      const g = gradient[row * outer + o]!;
      if (g === 0) continue;
      const w = o * inner;
      for (let i = 0; i < inner; i += 1) {
        inputGradient[x + i]! += g * weights[w + i]!;
        weightGradient[w + i]! += g * input[x + i]!;
      }
    }
  }
}

const EPSILON = 1e-5;

/** Root-mean-square normalisation of each row of `width`; gives the factor of each row. */
export function normalise(
  out: Float32Array,
  input: Float32Array,
  weights: Float32Array,
  { rows, width }: { readonly rows: number; readonly width: number },
): Float32Array {
  const factors = new Float32Array(rows);
  for (let row = 0; row < rows; row += 1) {
    let squares = 0;
    for (let i = row * width; i < (row + 1) * width; i += 1) squares += input[i]! * input[i]!;
    const factor = 1 / Math.sqrt(squares / width + EPSILON);
    factors[row] = factor;
    for (let i = 0; i < width; i += 1) out[row * width + i] = input[row * width + i]! * factor * weights[i]!;
  }
  return factors;
}

export function normaliseBackward(
  { inputGradient, weightGradient }: { readonly inputGradient: Float32Array; readonly weightGradient: Float32Array },
  { gradient, input, weights, factors }: Readonly<Record<'gradient' | 'input' | 'weights' | 'factors', Float32Array>>,
  { rows, width }: { readonly rows: number; readonly width: number },
): void {
  for (let row = 0; row < rows; row += 1) {
    const factor = factors[row]!;
    let sum = 0;
    for (let i = 0; i < width; i += 1) {
      const at = row * width + i;
      weightGradient[i]! += gradient[at]! * input[at]! * factor;
      sum += gradient[at]! * weights[i]! * input[at]!;
    }
    const share = (sum * factor ** 3) / width;
    for (let i = 0; i < width; i += 1) {
      const at = row * width + i;
      inputGradient[at]! += gradient[at]! * weights[i]! * factor - share * input[at]!;
    }
  }
}

/** Natural log probabilities of one row of logits. */
export function logSoftmax(logits: ArrayLike<number>): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i += 1) most = Math.max(most, logits[i]!);
  let sum = 0;
  for (let i = 0; i < logits.length; i += 1) sum += Math.exp(logits[i]! - most);
  const total = most + Math.log(sum);
  return Float64Array.from(logits, (logit) => logit - total);
}
