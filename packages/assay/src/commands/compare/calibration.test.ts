/** Where the tolerance comes from: the reference's own file, in two conditions, and an endpoint's answers to the same question. */

import type { MeasureOrder, ReferenceEngine } from '@assay/agent';
import { expectCode } from '@assay/testing';
import { describe, expect, it } from 'vitest';
import { calibrateEndpoint, calibrateFile } from './calibration.ts';
import type { Endpoint } from './endpoint.ts';

const signal = new AbortController().signal;

/** Says that its token has the probability 0.5, and a little more when it is followed. */
function engine(sha256: string, shift: number): ReferenceEngine {
  const position = (log: number, { wanted }: MeasureOrder, place: number) => ({
    ...{ token: 'a', logprob: log, top: [['a', log] as const], gap: 1, logits: '' },
    known: (wanted?.[place] ?? []).map(() => log),
  });
  return {
    facts: { sha256, bytes: 1, architecture: 'llama', chatTemplateSha256: '', contextTokens: 1, llamaCpp: '', processor: '' },
    profile: new Uint8Array(),
    measure: async (order) => {
      const log = Math.log(order.follow === null ? 0.5 : 0.5 + shift);
      const positions = (order.follow ?? ['a', 'a']).map((_, place) => position(log, order, place));
      return { promptTokens: 1, finish: 'length', positions };
    },
    close: () => undefined,
  };
}

const calibrate = (twin: ReferenceEngine, shift = 0.01) =>
  calibrateFile(engine('aa', shift), {
    ...{ path: 'model.gguf', tier: 'logprobs', open: async () => twin },
    prompts: { key: new Uint8Array(32), run: 'r', endpoint: 'completions' },
    bounds: { replyTokens: 2, listed: 5, signal },
  });

describe('a file', () => {
  it('has twice the distance from its twin as tolerance', async () => {
    const { tolerance, calibration } = await calibrate(engine('aa', 0));
    expect(calibration.worst).toHaveLength(36);
    expect(tolerance).toBeCloseTo(0.02, 6);
    expect(calibration.conditions).toHaveLength(2);
  });

  it('whose twin is far from it, or whose own batches are, is too noisy', async () => {
    await expectCode(() => calibrate(engine('aa', 0), 0.3), 'comparison/too-noisy');
  });

  it('that is another one behind the twin is refused', async () => {
    await expectCode(() => calibrate(engine('bb', 0)), 'comparison/twin-substituted');
  });
});

describe('an endpoint', () => {
  const endpoint = (body: (index: number) => string | null): Endpoint => {
    let index = 0;
    return {
      ...{ url: 'http://x', agent: null, models: async () => [] },
      ask: async () => {
        const answer = body(index);
        index += 1;
        return answer === null ? { failure: 'http-500', status: 500 } : { body: answer, receiptId: null };
      },
    };
  };
  const answer = (log: number): string =>
    JSON.stringify({
      choices: [
        { text: 'a', logprobs: { content: [{ token: 'a', logprob: log, top_logprobs: [{ token: 'a', logprob: log }] }] } },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 1 },
    });
  const rule = { endpoint: 'chat', asked: 1, listed: 1, rounding: 0 } as const;
  const bodies = Array.from({ length: 32 }, () => '{}');

  it('is asked each question twice, and its tokens are counted', async () => {
    const { tolerance, tokens } = await calibrateEndpoint(
      endpoint((index) => answer(index % 2 === 0 ? -0.1 : -0.11)),
      bodies,
      rule,
    );
    expect(tolerance).toBeCloseTo(2 * (Math.exp(-0.1) - Math.exp(-0.11)), 6);
    expect(tokens).toBe(64 * 4);
  });

  it('that answers at random is no reference', async () => {
    const noise = endpoint((index) => answer(index % 2 === 0 ? -0.01 : -2));
    await expectCode(() => calibrateEndpoint(noise, bodies, rule), 'comparison/too-noisy');
  });

  it.each<[string, (index: number) => boolean, string]>([
    ['two answers in 64 that are empty: a tolerance', (index) => index < 2, ''],
    ['half of the pairs: none', (index) => index % 4 === 0, 'comparison/bad-logprobs'],
  ])('%s', async (_, breaksOff, code) => {
    const empty = '{"choices":[{"text":"","logprobs":{"content":[]}}]}';
    const broken = endpoint((index) => (breaksOff(index) ? empty : answer(-0.1)));
    const found = () => calibrateEndpoint(broken, bodies, rule);
    if (code === '') expect((await found()).calibration.worst).toHaveLength(31);
    else await expectCode(found, code);
  });

  it('that mostly fails has no tolerance', async () => {
    await expectCode(
      () =>
        calibrateEndpoint(
          endpoint(() => null),
          bodies,
          rule,
        ),
      'comparison/bad-logprobs',
    );
  });
});
