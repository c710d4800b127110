/**
 * How likely a model finds tokens: of what it writes itself, token by token, or of tokens that it follows, in batches. Runs in the engine's process.
 * Each measurement begins with an empty context, so that the same order gives the same bits.
 */

import { createHash } from 'node:crypto';
import { uniformNumbers } from '@assay/models';
import type { ChatMessage } from '../../../ports/model.ts';
import {
  type ChatItem,
  type ChatWrapper,
  type ContextSequence,
  type EvaluationItem,
  type LlamaModel,
  withLogits,
} from './engine-library.ts';
import type { MeasuredPosition, MeasuredPrompt, Measurement, MeasureOrder } from './engine-messages.ts';

export interface MeasuringModel {
  readonly model: LlamaModel;
  readonly sequence: ContextSequence;
  readonly wrapper: ChatWrapper;
  /** Text → the one token that has it; `null` for several. Made when it is first needed. */
  readonly tokenOf: (text: string) => number | null | undefined;
  readonly textOf: (token: number) => string;
}

export interface MeasureBounds {
  readonly signal: AbortSignal;
  /** Of prompt and reply, tokens. */
  readonly most: number;
  readonly tooLong: (tokens: number) => Error;
}

export function measuringModel(parts: Pick<MeasuringModel, 'model' | 'sequence' | 'wrapper'>): MeasuringModel {
  const { model } = parts;
  const texts = new Map<number, string>();
  const before = model.tokenize('a').slice(0, 1);
  const textOf = (token: number): string => {
    const known = texts.get(token);
    if (known !== undefined) return known;
    const text = model.detokenize([token], true, before);
    texts.set(token, text);
    return text;
  };
  let vocabulary: Map<string, number | null> | null = null;
  const tokenOf = (text: string): number | null | undefined => {
    if (vocabulary === null) {
      vocabulary = new Map();
      for (const token of model.iterateAllTokens()) {
        const own = textOf(token);
        vocabulary.set(own, vocabulary.has(own) ? null : token);
      }
    }
    return vocabulary.get(text);
  };
  return { ...parts, tokenOf, textOf };
}

export function chatItem({ role, content }: ChatMessage): ChatItem {
  if (role === 'assistant') return { type: 'model', response: [content] };
  return { type: role === 'system' ? 'system' : 'user', text: content };
}

/** @throws what `bounds.tooLong` makes; the signal's reason. */
export async function measure(measuring: MeasuringModel, order: MeasureOrder, bounds: MeasureBounds): Promise<Measurement> {
  const prompt = tokensOf(measuring, order.prompt);
  if (prompt.length === 0 || prompt.length >= bounds.most) throw bounds.tooLong(prompt.length);
  await measuring.sequence.clearHistory();
  return order.follow === null ? written(measuring, prompt, order, bounds) : followed(measuring, prompt, order, bounds);
}

function tokensOf({ model, wrapper }: MeasuringModel, prompt: MeasuredPrompt): readonly number[] {
  if (prompt.kind === 'chat') {
    const chatHistory = [...prompt.messages.map(chatItem), { type: 'model', response: [''] } as const];
    return wrapper.generateContextState({ chatHistory }).contextText.tokenize(model.tokenizer);
  }
  const { bos, shouldPrependBosToken } = model.tokens;
  const tokens = model.tokenize(prompt.text);
  return shouldPrependBosToken && bos !== null ? [bos, ...tokens] : tokens;
}

async function written(
  measuring: MeasuringModel,
  prompt: readonly number[],
  { maxTokens, temperature, seed, top }: MeasureOrder,
  { signal, most }: MeasureBounds,
): Promise<Measurement> {
  const { model, sequence } = measuring;
  const next = uniformNumbers(seed);
  const positions: MeasuredPosition[] = [];
  let input: readonly EvaluationItem[] = [...prompt.slice(0, -1), withLogits(prompt.at(-1) ?? 0)];
  while (positions.length < Math.min(maxTokens, most - prompt.length)) {
    signal.throwIfAborted();
    const log = logProbabilities((await sequence.controlledEvaluate(input)).at(-1)?.next.logits);
    const token = temperature === 0 ? (log.ranked[0] ?? 0) : drawn(log, temperature, next());
    if (model.isEogToken(token)) return { promptTokens: prompt.length, positions, finish: 'stop' };
    positions.push(positionOf(measuring, log, { token, top, wanted: [] }));
    input = [withLogits(token)];
  }
  return { promptTokens: prompt.length, positions, finish: 'length' };
}

async function followed(
  measuring: MeasuringModel,
  prompt: readonly number[],
  { follow, top, wanted }: MeasureOrder,
  { signal, most, tooLong }: MeasureBounds,
): Promise<Measurement> {
  const texts = follow ?? [];
  const path = texts.map((text) => measuring.tokenOf(text));
  const end = path.findIndex((token) => token === null || token === undefined);
  // The distribution in front of the token that cannot be followed is known all the same.
  const rows = end < 0 ? path.length : end + 1;
  const given = [...prompt, ...(path.slice(0, rows - 1) as readonly number[])];
  if (given.length >= most) throw tooLong(given.length);
  signal.throwIfAborted();
  const first = prompt.length - 1;
  const out = await measuring.sequence.controlledEvaluate(
    given.map((token, index) => (index >= first ? withLogits(token) : token)),
  );
  const positions = Array.from({ length: rows }, (_, row) => {
    const log = logProbabilities(out[first + row]?.next.logits);
    return positionOf(measuring, log, { token: path[row] ?? null, top, wanted: wanted?.[row] ?? [] });
  });
  return { promptTokens: prompt.length, positions, finish: 'length' };
}

interface Logs {
  readonly of: Float64Array;
  /** Tokens, the likeliest first. */
  readonly ranked: readonly number[];
  readonly digest: string;
}

function logProbabilities(logits: ReadonlyMap<number, number> | undefined): Logs {
  if (logits === undefined || logits.size === 0) throw new Error('the engine gave no logits');
  const raw = new Float32Array(logits.size);
  const ranked: number[] = [];
  for (const [token, value] of logits) {
    raw[token] = value;
    ranked.push(token);
  }
  const most = raw[ranked[0] ?? 0] ?? 0;
  let sum = 0;
  for (const value of raw) sum += Math.exp(value - most);
  const total = most + Math.log(sum);
  const digest = createHash('sha256').update(new Uint8Array(raw.buffer)).digest('hex');
  return { of: Float64Array.from(raw, (value) => value - total), ranked, digest };
}

function positionOf(
  { textOf, tokenOf }: MeasuringModel,
  { of, ranked, digest }: Logs,
  { token, top, wanted }: { readonly token: number | null; readonly top: number; readonly wanted: readonly string[] },
): MeasuredPosition {
  const logOf = (each: number | undefined): number => of[each ?? 0] ?? 0;
  return {
    token: token === null ? '' : textOf(token),
    logprob: token === null ? 0 : logOf(token),
    top: ranked.slice(0, top).map((each) => [textOf(each), logOf(each)] as const),
    gap: logOf(ranked[0]) - logOf(ranked[1]),
    logits: digest,
    known: wanted.map((text) => {
      const each = tokenOf(text);
      return each === null || each === undefined ? null : logOf(each);
    }),
  };
}

function drawn({ of, ranked }: Logs, temperature: number, at: number): number {
  const weights = ranked.map((token) => Math.exp((of[token] ?? 0) / temperature));
  let rest = at * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    rest -= weight;
    if (rest <= 0) return ranked[index] ?? 0;
  }
  return ranked.at(-1) ?? 0;
}
