/** The zoo itself: its gradients, its two ways to compute, its files, its distances, and its server's answers. */

import { bytesSource, identifyModel, uniformNumbers } from '@assay/models';
import { describe, expect, it, onTestFinished } from 'vitest';
import { corpus } from './corpus.ts';
import { logSoftmax } from './matrices.ts';
import { startModelServer } from './model-server.ts';
import { write } from './text-model.ts';
import { Tokenizer, trainVocabulary } from './tokenizer.ts';
import { emptyWeights, initialWeights, Transformer, type Weights } from './transformer.ts';
import { SMALL_RECIPE, zooOf } from './zoo.ts';

const zoo = zooOf(SMALL_RECIPE);
const SHAPE = { vocabulary: 64, width: 32, layers: 2, heads: 2, hidden: 32, context: 16 };

describe('the transformer', () => {
  it('has the gradients of its loss', () => {
    const model = new Transformer(SHAPE, initialWeights(SHAPE, 3));
    const next = uniformNumbers(1);
    const tokens = Array.from({ length: 9 }, () => Math.floor(next() * SHAPE.vocabulary));
    const [input, wanted] = [tokens.slice(0, 8), tokens.slice(1)];
    const rows = (logits: Float32Array) =>
      wanted.map((_, row) => logSoftmax(logits.subarray(row * SHAPE.vocabulary, (row + 1) * SHAPE.vocabulary)));
    const loss = (): number => -rows(model.forward(input).logits).reduce((sum, log, row) => sum + log[wanted[row]!]!, 0);
    const state = model.forward(input);
    const slope = new Float32Array(state.logits.length);
    for (const [row, log] of rows(state.logits).entries())
      for (const [token, value] of log.entries())
        slope[row * SHAPE.vocabulary + token] = Math.exp(value) - (token === wanted[row] ? 1 : 0);
    const gradients = emptyWeights(SHAPE);
    model.backward(state, slope, gradients);
    for (const [name, gradient] of Object.entries(gradients)) {
      const at = gradient.reduce((best, value, index) => (Math.abs(value) > Math.abs(gradient[best]!) ? index : best), 0);
      const values = model.weights[name]!;
      const before = values[at]!;
      const step = 1e-2;
      values[at] = before + step;
      const above = loss();
      values[at] = before - step;
      const below = loss();
      values[at] = before;
      const measured = (above - below) / (2 * step);
      expect(Math.abs(measured - gradient[at]!) / (Math.abs(measured) + 1e-3), name).toBeLessThan(0.02);
    }
  });

  it('gives the same logits token by token', () => {
    const model = zoo.transformer(zoo.base);
    const tokens = [0, ...zoo.tokenizer.encode('Anna hid the red key in the tower.')];
    const whole = model.forward(tokens).logits;
    const session = model.session();
    for (const [row, token] of tokens.entries()) {
      const { vocabulary } = SMALL_RECIPE.shape;
      const expected = logSoftmax(whole.subarray(row * vocabulary, (row + 1) * vocabulary));
      const apart = logSoftmax(session.step(token)).map((value, index) => Math.abs(value - expected[index]!));
      expect(Math.max(...apart)).toBeLessThan(1e-3);
    }
  });
});

describe('the tokenizer', () => {
  it('gives every text back, and joins what is frequent', () => {
    for (const text of ['Anna hid the red key.', '', ' a  b\n\n', 'größer 東京 🙂'])
      expect(zoo.tokenizer.decode(zoo.tokenizer.encode(text))).toBe(text);
    expect(zoo.tokenizer.encode(' the')).toHaveLength(1);
    const plain = new Tokenizer(trainVocabulary('', 10));
    expect(plain.encode('the')).toHaveLength(3);
  });
});

describe('the zoo', () => {
  const distance = (weights: Weights | Transformer): number => {
    const base = zoo.textModel('base', zoo.base);
    const other = zoo.textModel('other', weights);
    const text = base.encode(corpus({ seed: 99, sentences: 4 })).slice(0, 60);
    const [a, b] = [base.session(), other.session()];
    const variations = text.map((token) => {
      const [p, q] = [logSoftmax(a.step(token)), logSoftmax(b.step(token))];
      return p.reduce((sum, value, index) => sum + Math.abs(Math.exp(value) - Math.exp(q[index]!)), 0) / 2;
    });
    return variations.sort((x, y) => x - y)[30]!;
  };

  it('has relatives at growing distances', { timeout: 300_000 }, () => {
    const ladder = [
      distance(zoo.stored('F32')),
      distance(zoo.stored('F16')),
      distance(zoo.noisy(0.001)),
      distance(zoo.stored('Q8_0')),
      distance(zoo.stored('Q5_0')),
      distance(zoo.stored('Q4_0')),
    ];
    expect(ladder[0]).toBe(0);
    for (const [index, value] of ladder.entries()) if (index > 0) expect(value).toBeGreaterThan(ladder[index - 1]!);
    const tuned = [1, 5, 20].map((steps) => distance(zoo.fineTuned(steps)));
    expect(tuned[0]).toBeGreaterThan(0);
    expect(tuned[1]).toBeGreaterThan(tuned[0]!);
    expect(tuned[2]).toBeGreaterThan(tuned[1]!);
    expect(distance(zoo.otherSeed())).toBeGreaterThan(ladder[5]!);
    expect(distance(zoo.distilled())).toBeGreaterThan(ladder[1]!);
  });

  it('writes files that say what they are', async () => {
    const digests = new Set<string>();
    for (const type of ['F32', 'F16', 'Q8_0', 'Q4_0'] as const) {
      const { digest, identity, types } = await identifyModel([bytesSource('zoo.gguf', zoo.gguf(zoo.base, type))]);
      expect(identity.architecture.name).toBe('llama');
      expect(types[type]).toBeGreaterThan(10);
      digests.add(digest);
    }
    expect(digests.size).toBe(4);
  });

  it('learned something', () => {
    const written = write(zoo.textModel('base', zoo.base), {
      ...{ prompt: [0, ...zoo.tokenizer.encode('Anna')], maxTokens: 20, top: 1, temperature: 0, seed: 1 },
    });
    expect(written.length).toBe(20);
    expect(Math.exp(written.reduce((sum, { logprob }) => sum + logprob, 0) / 20)).toBeGreaterThan(0.05);
  });
});

describe('the server', () => {
  const ask = async (url: string, path: string, body: object) => {
    const response = await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const base = zoo.textModel('base', zoo.base);
  const start = async (options: Partial<Parameters<typeof startModelServer>[0]> = {}) => {
    const server = await startModelServer({ model: base, ...options });
    onTestFinished(() => server.close());
    return server;
  };

  it('answers in both shapes, with equal words and log probabilities', async () => {
    const { url } = await start();
    const settings = { max_tokens: 5, temperature: 0 };
    const text = await ask(url, '/completions', { prompt: 'Anna', logprobs: 3, ...settings });
    const chat = await ask(url, '/chat/completions', {
      ...{ messages: [{ role: 'user', content: 'Anna' }], logprobs: true, top_logprobs: 3, ...settings },
    });
    const classic = (text.body.choices as { text: string; logprobs: { tokens: string[]; token_logprobs: number[] } }[])[0]!;
    const modern = (
      chat.body.choices as { message: { content: string }; logprobs: { content: { token: string; logprob: number }[] } }[]
    )[0]!;
    expect(classic.text).toBe(modern.message.content);
    expect(classic.logprobs.tokens).toEqual(modern.logprobs.content.map(({ token }) => token));
    expect(classic.logprobs.token_logprobs).toEqual(modern.logprobs.content.map(({ logprob }) => logprob));
    expect(text.body.usage).toMatchObject({ completion_tokens: 5 });
  });

  it.each([
    ['a fault', { fault: () => 429 }, 429],
    ['a key that is missing', { apiKey: 'k' }, 401],
    ['an endpoint that is not there', { paths: ['/v1/chat/completions'] }, 404],
  ])('shows %s', async (_, options, status) => {
    const { url } = await start(options);
    expect((await ask(url, '/completions', { prompt: 'x' })).status).toBe(status);
  });

  it('can answer with another model, sampled, watermarked and overbilled', async () => {
    const other = zoo.textModel('other', zoo.stored('Q4_0'));
    const mixed = await start({ model: (index) => (index % 2 === 0 ? base : other), extraTokens: 3 });
    const request = { prompt: 'Anna', max_tokens: 8, temperature: 0, logprobs: 2 };
    const first = await ask(mixed.url, '/completions', request);
    const second = await ask(mixed.url, '/completions', request);
    const logs = [first, second].map(({ body }) => JSON.stringify((body.choices as { logprobs: object }[])[0]?.logprobs));
    expect(logs[0]).not.toBe(logs[1]);
    expect(first.body.usage).toMatchObject({ completion_tokens: 11 });
    const marked = await start({ sampling: { temperature: 1, watermark: 4 } });
    const texts = await Promise.all(
      [1, 2].map((seed) => ask(marked.url, '/completions', { ...request, seed, max_tokens: 20 })),
    );
    expect(JSON.stringify(texts[0]?.body.choices)).not.toBe(JSON.stringify(texts[1]?.body.choices));
  });
});
