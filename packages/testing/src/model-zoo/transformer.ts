/**
 * A small llama (RMSNorm, rotary positions in pairs, SwiGLU, untied head) with gradients. Its logits are those of llama.cpp over the GGUF file
 * of the same weights, to the noise of the arithmetic.
 */

import { normalNumbers, uniformNumbers } from '@assay/models';
import { multiply, multiplyBackward, normalise, normaliseBackward } from './matrices.ts';

export interface Shape {
  readonly vocabulary: number;
  /** A multiple of 32, and of twice the heads. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** A multiple of 32. */
  readonly hidden: number;
  /** Longest sequence, tokens. */
  readonly context: number;
}

/** Name of the tensor, without `.weight` → values, row by row. */
export type Weights = Readonly<Record<string, Float32Array>>;

export const ROPE_BASE = 10_000;

/** Name → extents, outermost first. */
export function extentsOf({ vocabulary, width, layers, hidden }: Shape): Readonly<Record<string, readonly number[]>> {
  const blocks = Array.from({ length: layers }, (_, layer) => {
    const square = ['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => [name, [width, width]] as const);
    const wide = ['ffn_gate', 'ffn_up'].map((name) => [name, [hidden, width]] as const);
    const norms = ['attn_norm', 'ffn_norm'].map((name) => [name, [width]] as const);
    return [...norms, ...square, ...wide, ['ffn_down', [width, hidden]] as const].map(
      ([name, extents]) => [`blk.${layer}.${name}`, extents] as const,
    );
  }).flat();
  return Object.fromEntries([
    ['token_embd', [vocabulary, width]],
    ...blocks,
    ['output_norm', [width]],
    ['output', [vocabulary, width]],
  ]);
}

export function emptyWeights(shape: Shape): Weights {
  return Object.fromEntries(
    Object.entries(extentsOf(shape)).map(([name, extents]) => [name, new Float32Array(extents.reduce((a, b) => a * b, 1))]),
  );
}

export function initialWeights(shape: Shape, seed: number): Weights {
  const next = normalNumbers(uniformNumbers(seed));
  const weights = emptyWeights(shape);
  for (const [name, extents] of Object.entries(extentsOf(shape))) {
    const values = weights[name]!;
    if (extents.length === 1) values.fill(1);
    else {
      const residual = /attn_output$|ffn_down$/.test(name) ? Math.sqrt(2 * shape.layers) : 1;
      const deviation = name === 'token_embd' ? 0.05 : 0.8 / Math.sqrt(extents[1]!) / residual;
      for (let index = 0; index < values.length; index += 1) values[index] = deviation * next();
    }
  }
  return weights;
}

interface LayerState {
  readonly input: Float32Array;
  readonly normed: Float32Array;
  readonly factors: Float32Array;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly attention: Float32Array;
  readonly mixed: Float32Array;
  readonly middle: Float32Array;
  readonly normedMiddle: Float32Array;
  readonly middleFactors: Float32Array;
  readonly gate: Float32Array;
  readonly up: Float32Array;
  readonly active: Float32Array;
}

export interface ForwardState {
  readonly tokens: readonly number[];
  readonly layers: readonly LayerState[];
  readonly last: Float32Array;
  readonly normedLast: Float32Array;
  readonly lastFactors: Float32Array;
  /** Row by position. */
  readonly logits: Float32Array;
}

export class Transformer {
  readonly shape: Shape;
  readonly weights: Weights;
  readonly #cos: Float32Array;
  readonly #sin: Float32Array;

  constructor(shape: Shape, weights: Weights) {
    this.shape = shape;
    this.weights = weights;
    const pairs = shape.width / shape.heads / 2;
    const angle = (index: number): number => Math.floor(index / pairs) * ROPE_BASE ** (-(index % pairs) / pairs);
    this.#cos = Float32Array.from({ length: shape.context * pairs }, (_, index) => Math.cos(angle(index)));
    this.#sin = Float32Array.from({ length: shape.context * pairs }, (_, index) => Math.sin(angle(index)));
  }

  /** Logits of every position at once, with what {@link backward} needs. */
  forward(tokens: readonly number[]): ForwardState {
    const { width, layers: count, hidden, vocabulary } = this.shape;
    const rows = tokens.length;
    const of = (size: number): Float32Array => new Float32Array(rows * size);
    const weight = (name: string): Float32Array => this.weights[name]!;
    const wide = { rows, inner: width, outer: width };
    let x = of(width);
    for (const [row, token] of tokens.entries())
      x.set(weight('token_embd').subarray(token * width, (token + 1) * width), row * width);
    const layers: LayerState[] = [];
    for (let layer = 0; layer < count; layer += 1) {
      const own = (name: string): Float32Array => weight(`blk.${layer}.${name}`);
      const normed = of(width);
      const factors = normalise(normed, x, own('attn_norm'), { rows, width });
      const [q, k, v] = ['attn_q', 'attn_k', 'attn_v'].map((name) => multiply(of(width), normed, own(name), wide)) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      this.#rotate(q, { rows, from: 0, sign: 1 });
      this.#rotate(k, { rows, from: 0, sign: 1 });
      const attention = new Float32Array(this.shape.heads * rows * rows);
      const mixed = of(width);
      for (let row = 0; row < rows; row += 1) this.#attend({ q, k, v, attention, mixed }, row, row, rows);
      const projected = multiply(of(width), mixed, own('attn_output'), wide);
      const middle = x.map((value, index) => value + projected[index]!);
      const normedMiddle = of(width);
      const middleFactors = normalise(normedMiddle, middle, own('ffn_norm'), { rows, width });
      const grown = { rows, inner: width, outer: hidden };
      const gate = multiply(of(hidden), normedMiddle, own('ffn_gate'), grown);
      const up = multiply(of(hidden), normedMiddle, own('ffn_up'), grown);
      const active = gate.map((value, index) => (value / (1 + Math.exp(-value))) * up[index]!);
      const down = multiply(of(width), active, own('ffn_down'), { rows, inner: hidden, outer: width });
      layers.push({
        ...{ input: x, normed, factors, q, k, v, attention, mixed, middle, normedMiddle, middleFactors, gate, up, active },
      });
      x = middle.map((value, index) => value + down[index]!);
    }
    const normedLast = of(width);
    const lastFactors = normalise(normedLast, x, weight('output_norm'), { rows, width });
    const logits = multiply(of(vocabulary), normedLast, weight('output'), { rows, inner: width, outer: vocabulary });
    return { tokens, layers, last: x, normedLast, lastFactors, logits };
  }

  /** Adds the gradients of all weights for `gradient`, the derivative of the loss by the logits. */
  backward(state: ForwardState, gradient: Float32Array, gradients: Weights): void {
    const { width, layers: count, hidden, vocabulary } = this.shape;
    const rows = state.tokens.length;
    const of = (size: number): Float32Array => new Float32Array(rows * size);
    const at = (name: string) => ({ weights: this.weights[name]!, weightGradient: gradients[name]! });
    const through = (
      name: string,
      given: { readonly gradient: Float32Array; readonly input: Float32Array; readonly inputGradient: Float32Array },
      sizes: { readonly inner: number; readonly outer: number },
    ): Float32Array => {
      const { weights, weightGradient } = at(name);
      const { inputGradient } = given;
      multiplyBackward({ inputGradient, weightGradient }, { ...given, weights }, { rows, ...sizes });
      return inputGradient;
    };
    const dNormedLast = through(
      'output',
      { gradient, input: state.normedLast, inputGradient: of(width) },
      { inner: width, outer: vocabulary },
    );
    const dx = of(width);
    const norm = (
      name: string,
      inputGradient: Float32Array,
      given: Readonly<Record<'gradient' | 'input' | 'factors', Float32Array>>,
    ): void => {
      const { weights, weightGradient } = at(name);
      normaliseBackward({ inputGradient, weightGradient }, { ...given, weights }, { rows, width });
    };
    norm('output_norm', dx, { gradient: dNormedLast, input: state.last, factors: state.lastFactors });
    for (let layer = count - 1; layer >= 0; layer -= 1) {
      const own = (name: string): string => `blk.${layer}.${name}`;
      const s = state.layers[layer]!;
      const dActive = through(
        own('ffn_down'),
        { gradient: dx, input: s.active, inputGradient: of(hidden) },
        { inner: hidden, outer: width },
      );
      const [dGate, dUp] = [of(hidden), of(hidden)];
      for (let i = 0; i < dActive.length; i += 1) {
        const sigmoid = 1 / (1 + Math.exp(-s.gate[i]!));
        const silu = s.gate[i]! * sigmoid;
        dUp[i] = dActive[i]! * silu;
        dGate[i] = dActive[i]! * s.up[i]! * (sigmoid + silu * (1 - sigmoid));
      }
      const dNormedMiddle = of(width);
      const grown = { inner: width, outer: hidden };
      through(own('ffn_gate'), { gradient: dGate, input: s.normedMiddle, inputGradient: dNormedMiddle }, grown);
      through(own('ffn_up'), { gradient: dUp, input: s.normedMiddle, inputGradient: dNormedMiddle }, grown);
      norm(own('ffn_norm'), dx, { gradient: dNormedMiddle, input: s.middle, factors: s.middleFactors });
      const wide = { inner: width, outer: width };
      const dMixed = through(own('attn_output'), { gradient: dx, input: s.mixed, inputGradient: of(width) }, wide);
      const [dq, dk, dv] = this.#attendBackward(s, dMixed, rows);
      this.#rotate(dq, { rows, from: 0, sign: -1 });
      this.#rotate(dk, { rows, from: 0, sign: -1 });
      const dNormed = of(width);
      for (const [name, d] of [
        ['attn_q', dq],
        ['attn_k', dk],
        ['attn_v', dv],
      ] as const)
        through(own(name), { gradient: d, input: s.normed, inputGradient: dNormed }, wide);
      norm(own('attn_norm'), dx, { gradient: dNormed, input: s.input, factors: s.factors });
    }
    const embedding = gradients.token_embd!;
    for (const [row, token] of state.tokens.entries())
      for (let i = 0; i < width; i += 1) embedding[token * width + i]! += dx[row * width + i]!;
  }

  /** One position after another, with the keys and values of those before kept. */
  session(): Session {
    const { width, layers, context, hidden, vocabulary } = this.shape;
    const keys = Array.from({ length: layers }, () => new Float32Array(context * width));
    const values = Array.from({ length: layers }, () => new Float32Array(context * width));
    const one = { rows: 1, width };
    const wide = { rows: 1, inner: width, outer: width };
    const weight = (name: string): Float32Array => this.weights[name]!;
    let position = 0;
    const step = (token: number): Float32Array => {
      if (position >= context) throw new RangeError(`expected at most ${context} tokens`);
      let x = weight('token_embd').slice(token * width, (token + 1) * width);
      for (let layer = 0; layer < layers; layer += 1) {
        const own = (name: string): Float32Array => weight(`blk.${layer}.${name}`);
        const normed = new Float32Array(width);
        normalise(normed, x, own('attn_norm'), one);
        const q = multiply(new Float32Array(width), normed, own('attn_q'), wide);
        const k = multiply(new Float32Array(width), normed, own('attn_k'), wide);
        this.#rotate(q, { rows: 1, from: position, sign: 1 });
        this.#rotate(k, { rows: 1, from: position, sign: 1 });
        keys[layer]!.set(k, position * width);
        values[layer]!.set(multiply(new Float32Array(width), normed, own('attn_v'), wide), position * width);
        const mixed = new Float32Array(width);
        const attention = new Float32Array(this.shape.heads * (position + 1));
        this.#attend({ q, k: keys[layer]!, v: values[layer]!, attention, mixed }, 0, position, position + 1);
        const projected = multiply(new Float32Array(width), mixed, own('attn_output'), wide);
        const middle = x.map((value, index) => value + projected[index]!);
        const normedMiddle = new Float32Array(width);
        normalise(normedMiddle, middle, own('ffn_norm'), one);
        const grown = { rows: 1, inner: width, outer: hidden };
        const gate = multiply(new Float32Array(hidden), normedMiddle, own('ffn_gate'), grown);
        const up = multiply(new Float32Array(hidden), normedMiddle, own('ffn_up'), grown);
        const active = gate.map((value, index) => (value / (1 + Math.exp(-value))) * up[index]!);
        const down = multiply(new Float32Array(width), active, own('ffn_down'), { rows: 1, inner: hidden, outer: width });
        x = middle.map((value, index) => value + down[index]!);
      }
      position += 1;
      const normedLast = new Float32Array(width);
      normalise(normedLast, x, weight('output_norm'), one);
      return multiply(new Float32Array(vocabulary), normedLast, weight('output'), {
        ...{ rows: 1, inner: width, outer: vocabulary },
      });
    };
    return { step };
  }

  #rotate(
    x: Float32Array,
    { rows, from, sign }: { readonly rows: number; readonly from: number; readonly sign: 1 | -1 },
  ): void {
    const { width, heads } = this.shape;
    const pairs = width / heads / 2;
    for (let row = 0; row < rows; row += 1)
      for (let head = 0; head < heads; head += 1)
        for (let pair = 0; pair < pairs; pair += 1) {
          const at = row * width + head * pairs * 2 + pair * 2;
          const turn = (from + row) * pairs + pair;
          const [cos, sin] = [this.#cos[turn]!, sign * this.#sin[turn]!];
          const [a, b] = [x[at]!, x[at + 1]!];
          x[at] = a * cos - b * sin;
          x[at + 1] = a * sin + b * cos;
        }
  }

  /** Attention of the query in `row` over keys 0 to `last`; weights go to rows of `stride`. */
  #attend(
    { q, k, v, attention, mixed }: Readonly<Record<'q' | 'k' | 'v' | 'attention' | 'mixed', Float32Array>>,
    row: number,
    last: number,
    stride: number,
  ): void {
    const { width, heads } = this.shape;
    const size = width / heads;
    const rowsOfHead = attention.length / heads / stride;
    for (let head = 0; head < heads; head += 1) {
      const scores = attention.subarray((head * rowsOfHead + row) * stride, (head * rowsOfHead + row) * stride + last + 1);
      let most = Number.NEGATIVE_INFINITY;
      for (let other = 0; other <= last; other += 1) {
        let dot = 0;
        for (let i = head * size; i < (head + 1) * size; i += 1) dot += q[row * width + i]! * k[other * width + i]!;
        scores[other] = dot / Math.sqrt(size);
        most = Math.max(most, scores[other]!);
      }
      let sum = 0;
      for (let other = 0; other <= last; other += 1) {
        scores[other] = Math.exp(scores[other]! - most);
        sum += scores[other]!;
      }
      for (let other = 0; other <= last; other += 1) {
        scores[other]! /= sum;
        for (let i = head * size; i < (head + 1) * size; i += 1)
          mixed[row * width + i]! += scores[other]! * v[other * width + i]!;
      }
    }
  }

  #attendBackward(
    { q, k, v, attention }: LayerState,
    dMixed: Float32Array,
    rows: number,
  ): readonly [Float32Array, Float32Array, Float32Array] {
    const { width, heads } = this.shape;
    const size = width / heads;
    const [dq, dk, dv] = [new Float32Array(q.length), new Float32Array(q.length), new Float32Array(q.length)];
    const dShare = new Float32Array(rows);
    for (let head = 0; head < heads; head += 1)
      for (let row = 0; row < rows; row += 1) {
        const shares = attention.subarray((head * rows + row) * rows, (head * rows + row + 1) * rows);
        let mean = 0;
        for (let other = 0; other <= row; other += 1) {
          let d = 0;
          for (let i = head * size; i < (head + 1) * size; i += 1) {
            const g = dMixed[row * width + i]!;
            d += g * v[other * width + i]!;
            dv[other * width + i]! += g * shares[other]!;
          }
          dShare[other] = d;
          mean += d * shares[other]!;
        }
        for (let other = 0; other <= row; other += 1) {
          const d = (shares[other]! * (dShare[other]! - mean)) / Math.sqrt(size);
          for (let i = head * size; i < (head + 1) * size; i += 1) {
            dq[row * width + i]! += d * k[other * width + i]!;
            dk[other * width + i]! += d * q[row * width + i]!;
          }
        }
      }
    return [dq, dk, dv];
  }
}

/** @example const { step } = transformer.session(); step(BEGIN); */
export interface Session {
  /** Logits behind `token`. */
  step(token: number): Float32Array;
}
