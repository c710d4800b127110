/**
 * Ground truth for comparisons: one small model trained here, and its relatives whose distance from it is known by construction: other
 * number formats, noise, fine-tunes, a distilled student, the same recipe from another seed.
 */

import { decodeWeights, encodeWeights, normalNumbers, uniformNumbers, type WritableType } from '@assay/models';
import { type FakeMetadata, fakeGguf } from '../fake-gguf.ts';
import { corpus } from './corpus.ts';
import type { TextModel } from './text-model.ts';
import { BEGIN, Tokenizer, trainVocabulary, type Vocabulary } from './tokenizer.ts';
import { train } from './training.ts';
import { extentsOf, initialWeights, ROPE_BASE, type Shape, Transformer, type Weights } from './transformer.ts';

export interface ZooRecipe {
  readonly shape: Shape;
  /** Training steps of the base model. */
  readonly steps: number;
  /** Tokens of one training sequence. */
  readonly length: number;
}

/** 107,000 weights, trained in seconds. Rows of 64: kernels of llama.cpp for AMX are wrong for quantised rows of 32. */
export const SMALL_RECIPE: ZooRecipe = {
  shape: { vocabulary: 384, width: 64, layers: 2, heads: 2, hidden: 64, context: 128 },
  steps: 60,
  length: 32,
};

const FINE_TUNE_RATE = 5e-4;
/** Everything but tokens and the merges: bytes and the beginning. */
const OWN_TOKENS = 257;
const GGUF_TYPES = { F32: 0, F16: 1, Q8_0: 8, Q4_0: 2 } as const;

export type StoredType = keyof typeof GGUF_TYPES;

/** The base model and what makes its relatives. */
export class Zoo {
  readonly vocabulary: Vocabulary;
  readonly tokenizer: Tokenizer;
  readonly base: Weights;
  readonly #recipe: ZooRecipe;
  readonly #text: readonly number[];

  constructor(recipe: ZooRecipe) {
    this.#recipe = recipe;
    const { vocabulary, context } = recipe.shape;
    if (context < recipe.length) throw new RangeError('expected training sequences within the context');
    this.vocabulary = trainVocabulary(corpus({ seed: 7, sentences: 1500 }), vocabulary - OWN_TOKENS);
    this.tokenizer = new Tokenizer(this.vocabulary);
    this.#text = this.tokenizer.encode(corpus({ seed: 7, sentences: 6000 }));
    this.base = this.#trained(42, 1);
  }

  /** The base model in a number format, read back as an engine reads it. */
  stored(type: WritableType, weights: Weights = this.base): Weights {
    return mapMatrices(weights, this.#recipe.shape, (values) => decodeWeights(type, encodeWeights(type, values)));
  }

  /** @param share standard deviation as a share of each matrix's root mean square. */
  noisy(share: number): Weights {
    const next = normalNumbers(uniformNumbers(99));
    return mapMatrices(this.base, this.#recipe.shape, (values) => {
      const deviation = share * Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
      return values.map((value) => value + deviation * next());
    });
  }

  /** The base model after so many steps on sentences it has not seen the like of. */
  fineTuned(steps: number): Weights {
    const model = this.transformer(copyOf(this.base));
    const text = this.tokenizer.encode(corpus({ seed: 1234, sentences: 2000, style: 'tuned' }));
    train(model, text, { steps, seed: 78, rate: FINE_TUNE_RATE, warmUp: 1, length: this.#recipe.length });
    return model.weights;
  }

  /** One layer that learned from what the base model says. */
  distilled(): Transformer {
    const shape = { ...this.#recipe.shape, layers: 1 };
    const student = new Transformer(shape, initialWeights(shape, 5));
    const { steps, length } = this.#recipe;
    train(student, this.#text, { steps: Math.ceil(steps / 2), seed: 9, length, teacher: this.transformer(this.base) });
    return student;
  }

  /** The same recipe from other initial weights. */
  otherSeed(): Weights {
    return this.#trained(4242, 2);
  }

  transformer(weights: Weights): Transformer {
    return new Transformer(this.#recipe.shape, weights);
  }

  /** A model to serve or to ask. */
  textModel(name: string, model: Weights | Transformer): TextModel {
    const transformer = model instanceof Transformer ? model : this.transformer(model);
    const { tokenizer } = this;
    return {
      name,
      contextTokens: transformer.shape.context,
      encode: (text) => [BEGIN, ...tokenizer.encode(text)],
      bytesOf: (token) => tokenizer.bytesOf(token),
      session: () => transformer.session(),
    };
  }

  /** The GGUF file of these weights, as llama.cpp loads it. */
  gguf(weights: Weights, type: StoredType = 'F32'): Uint8Array {
    const { shape } = this.#recipe;
    const tensors = Object.entries(extentsOf(shape)).map(([name, extents]) => {
      const stored = extents.length === 1 ? 'F32' : type;
      return {
        name: `${name}.weight`,
        type: GGUF_TYPES[stored],
        extents: extents.toReversed(),
        bytes: encodeWeights(stored, weights[name]!),
      };
    });
    return fakeGguf({ metadata: this.#metadata(), tensors });
  }

  #trained(seed: number, order: number): Weights {
    const { shape, steps, length } = this.#recipe;
    const model = new Transformer(shape, initialWeights(shape, seed));
    train(model, this.#text, { steps, seed: order, length });
    return model.weights;
  }

  #metadata(): FakeMetadata {
    const { vocabulary, width, layers, heads, hidden, context } = this.#recipe.shape;
    const { tokens, merges } = this.vocabulary;
    return {
      'general.architecture': 'llama',
      'general.name': 'zoo',
      'llama.context_length': context,
      'llama.embedding_length': width,
      'llama.block_count': layers,
      'llama.feed_forward_length': hidden,
      'llama.attention.head_count': heads,
      'llama.attention.head_count_kv': heads,
      'llama.attention.layer_norm_rms_epsilon': float(1e-5),
      'llama.rope.dimension_count': width / heads,
      'llama.rope.freq_base': float(ROPE_BASE),
      'llama.vocab_size': vocabulary,
      'tokenizer.chat_template': "{% for message in messages %}{{ message['content'] }}\n{% endfor %}",
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.token_type': int32s(tokens.map((_, index) => (index === BEGIN ? 3 : 1))),
      'tokenizer.ggml.merges': merges,
      'tokenizer.ggml.bos_token_id': BEGIN,
      'tokenizer.ggml.eos_token_id': BEGIN,
      'tokenizer.ggml.add_bos_token': { type: 7, bytes: Uint8Array.of(1) },
    };
  }
}

/** Trained once a process and recipe. */
const zoos = new Map<ZooRecipe, Zoo>();

/** @example const base = zooOf(SMALL_RECIPE).textModel('base', zooOf(SMALL_RECIPE).base); */
export function zooOf(recipe: ZooRecipe): Zoo {
  const zoo = zoos.get(recipe) ?? new Zoo(recipe);
  zoos.set(recipe, zoo);
  return zoo;
}

function mapMatrices(weights: Weights, shape: Shape, change: (values: Float32Array) => Float32Array): Weights {
  return Object.fromEntries(
    Object.entries(extentsOf(shape)).map(([name, extents]) => {
      const values = weights[name]!;
      return [name, extents.length === 1 ? values : change(values)];
    }),
  );
}

function copyOf(weights: Weights): Weights {
  return Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, values.slice()]));
}

function float(value: number): { readonly type: number; readonly bytes: Uint8Array } {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return { type: 6, bytes };
}

/** An array of 32-bit whole numbers: its element type, its length, its members. */
function int32s(values: readonly number[]): { readonly type: number; readonly bytes: Uint8Array } {
  const bytes = new Uint8Array(12 + 4 * values.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 5, true);
  view.setBigUint64(4, BigInt(values.length), true);
  for (const [index, value] of values.entries()) view.setInt32(12 + 4 * index, value, true);
  return { type: 9, bytes };
}
