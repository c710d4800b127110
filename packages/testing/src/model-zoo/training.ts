/** Training of the zoo: Adam with warm-up and cosine decay, on text or on what a teacher says. */

import { uniformNumbers } from '@assay/models';
import { logSoftmax } from './matrices.ts';
import { BEGIN } from './tokenizer.ts';
import { emptyWeights, type Transformer } from './transformer.ts';

export interface TrainingOptions {
  readonly steps: number;
  readonly seed: number;
  /** Sequences of one step. Default 8. */
  readonly batch?: number;
  /** Largest step size. Default 0.003. */
  readonly rate?: number;
  /** Steps until the rate is reached. Default 20. */
  readonly warmUp?: number;
  /** Tokens of one sequence. Default: the model's context. */
  readonly length?: number;
  /** Learn its distributions in place of the next token. */
  readonly teacher?: Transformer;
}

const [DECAY, SQUARE_DECAY] = [0.9, 0.98];

/** Changes the weights of `model` in place; gives the mean loss of the last step, nats a token. */
export function train(model: Transformer, tokens: readonly number[], options: TrainingOptions): number {
  const { steps, seed, batch = 8, rate = 3e-3, warmUp = 20, teacher } = options;
  const { shape } = model;
  const { length = shape.context } = options;
  const next = uniformNumbers(seed);
  const [means, squares] = [emptyWeights(shape), emptyWeights(shape)];
  let loss = 0;
  for (let step = 1; step <= steps; step += 1) {
    const gradients = emptyWeights(shape);
    loss = 0;
    for (let index = 0; index < batch; index += 1) {
      const from = Math.floor(next() * (tokens.length - length - 1));
      const input = [BEGIN, ...tokens.slice(from + 1, from + length)];
      const wanted = tokens.slice(from + 1, from + length + 1);
      loss += oneSequence(model, { input, wanted, teacher, share: 1 / (batch * length) }, gradients);
    }
    const size = Math.min(1, step / warmUp) * rate * (0.1 + 0.45 * (1 + Math.cos((Math.PI * step) / steps)));
    let norm = 0;
    for (const values of Object.values(gradients)) for (const value of values) norm += value * value;
    const clip = Math.min(1, 1 / (Math.sqrt(norm) + 1e-9));
    for (const [name, weights] of Object.entries(model.weights)) {
      const [gradient, mean, square] = [gradients[name]!, means[name]!, squares[name]!];
      for (let i = 0; i < weights.length; i += 1) {
        const g = gradient[i]! * clip;
        mean[i] = DECAY * mean[i]! + (1 - DECAY) * g;
        square[i] = SQUARE_DECAY * square[i]! + (1 - SQUARE_DECAY) * g * g;
        const root = Math.sqrt(square[i]! / (1 - SQUARE_DECAY ** step));
        weights[i]! -= (size * mean[i]!) / (1 - DECAY ** step) / (root + 1e-8);
      }
    }
  }
  return loss;
}

interface Sequence {
  readonly input: readonly number[];
  readonly wanted: readonly number[];
  readonly teacher: Transformer | undefined;
  readonly share: number;
}

function oneSequence(
  model: Transformer,
  { input, wanted, teacher, share }: Sequence,
  gradients: ReturnType<typeof emptyWeights>,
): number {
  const size = model.shape.vocabulary;
  const state = model.forward(input);
  const taught = teacher?.forward(input).logits;
  const gradient = new Float32Array(state.logits.length);
  let loss = 0;
  for (const [row, token] of wanted.entries()) {
    const at = row * size;
    const log = logSoftmax(state.logits.subarray(at, at + size));
    const aim = taught === undefined ? null : logSoftmax(taught.subarray(at, at + size));
    loss -= log[token]! * share;
    for (let i = 0; i < size; i += 1)
      gradient[at + i] = (Math.exp(log[i]!) - (aim === null ? (i === token ? 1 : 0) : Math.exp(aim[i]!))) * share;
  }
  model.backward(state, gradient, gradients);
  return loss;
}
