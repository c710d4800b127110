/** A metered model counts each reply once, as the provider counts it where it does. */

import { expect, test } from 'vitest';
import type { Model, ModelReply } from '../ports/model.ts';
import { meteredModel } from './metered-model.ts';

const NONE = { promptTokens: null, completionTokens: null, totalTokens: null };
const API = { kind: 'unverified', provider: 'p', url: 'https://p.example' } as const;

test.each<[string, Pick<ModelReply, 'usage' | 'provenance'>, number]>([
  ['the total', { usage: { ...NONE, totalTokens: 30 }, provenance: API }, 30],
  ['the sum', { usage: { ...NONE, promptTokens: 4, completionTokens: 5 }, provenance: API }, 9],
  ['four bytes a token', { usage: NONE, provenance: API }, 26],
  [
    'nothing for a recording',
    { usage: { ...NONE, totalTokens: 30 }, provenance: { kind: 'recorded', file: 'f', sha256: '' } },
    0,
  ],
])('%s', async (_, more, expected) => {
  const reply: ModelReply = {
    ...{ text: '', reasoning: '', toolCalls: [], model: 'm', finish: 'stop', finishReason: 'stop' },
    requestBytes: new Uint8Array(100),
    responseBytes: new Uint8Array(1),
    ...more,
  };
  const model: Model = {
    provider: 'p',
    model: 'm',
    complete: async () => reply,
    probe: async () => ({ reachable: true, detail: '' }),
  };
  const spent: number[] = [];
  const metered = meteredModel(model, (tokens) => spent.push(tokens));
  expect([metered.provider, metered.model, (await metered.probe()).reachable]).toEqual(['p', 'm', true]);
  expect(await metered.complete({ messages: [] })).toBe(reply);
  expect(spent).toEqual([expected]);
});
