/** A language model as a server asks it, and the ways in which servers let models write: greedy, sampled, truncated, watermarked. */

import { uniformNumbers } from '@assay/models';
import { logSoftmax } from './matrices.ts';

export interface TextModel {
  readonly name: string;
  /** Prompt and reply. */
  readonly contextTokens: number;
  /** With the token that begins a sequence. */
  encode(text: string): number[];
  bytesOf(token: number): Uint8Array;
  /** A new sequence; `step` gives the logits behind a token. */
  session(): { step(token: number): ArrayLike<number> };
}

export interface Sampling {
  /** 0: the likeliest token. */
  readonly temperature: number;
  /** Of the likeliest tokens, until their probabilities sum to this. Default 1. */
  readonly topP?: number | undefined;
  /** Added to the logits of a secret half of the vocabulary that depends on the last token (Kirchenbauer, 2301.10226). Default 0. */
  readonly watermark?: number | undefined;
}

export interface WrittenToken {
  readonly token: number;
  /** Natural log probability before temperature and truncation. */
  readonly logprob: number;
  /** The likeliest tokens, in order. */
  readonly top: readonly { readonly token: number; readonly logprob: number }[];
}

export interface WriteOptions extends Sampling {
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  /** Likeliest tokens to report of each position. */
  readonly top: number;
  readonly seed: number;
}

/** Lets the model write. It ends early when it ends its text (token 0) or its context is full. */
export function write(model: TextModel, options: WriteOptions): readonly WrittenToken[] {
  const { prompt, maxTokens, top, temperature, topP = 1, watermark = 0, seed } = options;
  const session = model.session();
  const next = uniformNumbers(seed);
  let logits: ArrayLike<number> = [];
  for (const token of prompt) logits = session.step(token);
  const written: WrittenToken[] = [];
  const room = Math.min(maxTokens, model.contextTokens - prompt.length);
  for (let last = prompt.at(-1) ?? 0; written.length < room; ) {
    const marked =
      watermark === 0 ? logits : Float64Array.from(logits, (value, token) => value + watermark * green(last, token));
    const log = logSoftmax(marked);
    const ranked = Array.from(log, (logprob, token) => ({ token, logprob })).sort((a, b) => b.logprob - a.logprob);
    const token = temperature === 0 ? ranked[0]!.token : drawn(ranked, { temperature, topP, at: next() });
    if (token === 0) break;
    written.push({ token, logprob: log[token]!, top: ranked.slice(0, top) });
    logits = session.step(token);
    last = token;
  }
  return written;
}

function drawn(
  ranked: readonly { readonly token: number; readonly logprob: number }[],
  { temperature, topP, at }: { readonly temperature: number; readonly topP: number; readonly at: number },
): number {
  const weights = ranked.map(({ logprob }) => Math.exp(logprob / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  let kept = 0;
  let count = 0;
  while (count < weights.length && kept < topP * total) kept += weights[count++]!;
  let rest = at * kept;
  for (let index = 0; index < count; index += 1) {
    rest -= weights[index]!;
    if (rest <= 0) return ranked[index]!.token;
  }
  return ranked[count - 1]!.token;
}

/** 1 for the favoured half behind `last`. */
function green(last: number, token: number): number {
  return (Math.imul(Math.imul(last + 1, 0x9e3779b1) ^ (token + 1), 0x85ebca6b) >>> 31) & 1;
}
