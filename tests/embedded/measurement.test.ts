/** What the engine says of tokens: the same bits for the same order, one model in two implementations, and agreement of both ways to evaluate. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MeasureOrder, openReferenceEngine, type ReferenceEngine } from '@assay/agent';
import { corpus, SMALL_RECIPE, write, zooOf } from '@assay/testing/model-zoo';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { killEngineOf } from './engine-kill.ts';
import { engineFolder, isAtHand, SMOLLM2 } from './models-at-hand.ts';

const signal = new AbortController().signal;
const ORDER: MeasureOrder = {
  prompt: { kind: 'text', text: 'Anna hid the red key in the tower. Boris' },
  ...{ follow: null, maxTokens: 8, temperature: 0, seed: 1, top: 10, wanted: null },
};

/** Nats. Chosen: five times what was measured without AMX, 0.016 for Q8_0 and 0.020 for Q4_0. How far off a wrong kernel is was not measured. */
const MOST_APART = 0.1;

describe.runIf(isAtHand(SMOLLM2))('the engine, over a model of the zoo', { timeout: 120_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'assay-measure-'));
  const zoo = zooOf(SMALL_RECIPE);
  const engines: ReferenceEngine[] = [];
  let engine: ReferenceEngine;
  const open = async (name: string, more: object = {}): Promise<ReferenceEngine> => {
    const opened = await openReferenceEngine({ dataDir: directory, file: join(directory, name), ...more });
    engines.push(opened);
    return opened;
  };
  beforeAll(async () => {
    mkdirSync(join(directory, 'models'));
    symlinkSync(engineFolder(), join(directory, 'models', 'engine-3.22.1'));
    writeFileSync(join(directory, 'base.gguf'), zoo.gguf(zoo.base));
    writeFileSync(join(directory, 'q8.gguf'), zoo.gguf(zoo.base, 'Q8_0'));
    writeFileSync(join(directory, 'q4.gguf'), zoo.gguf(zoo.base, 'Q4_0'));
    engine = await open('base.gguf');
  }, 120_000);
  afterAll(() => {
    for (const each of engines) each.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('agrees with the implementation in the zoo', async () => {
    const { positions, promptTokens } = await engine.measure(ORDER, signal);
    const model = zoo.textModel('base', zoo.base);
    const prompt = model.encode('Anna hid the red key in the tower. Boris');
    const own = write(model, { prompt, maxTokens: 8, temperature: 0, top: 10, seed: 1 });
    expect(promptTokens).toBe(prompt.length);
    expect(positions.map(({ token }) => token).join('')).toBe(zoo.tokenizer.decode(own.map(({ token }) => token)));
    for (const [index, { logprob }] of positions.entries()) expect(logprob).toBeCloseTo(own[index]!.logprob, 2);
  });

  test.each([
    ['Q8_0', 'q8.gguf'],
    ['Q4_0', 'q4.gguf'],
  ] as const)('agrees with it over a file in %s, in a batch of 48 tokens and more', async (type, file) => {
    const model = zoo.textModel(type, zoo.stored(type));
    const text = corpus({ seed: 99, sentences: 6 });
    const prompt = model.encode(text).slice(0, 49);
    const shown = zoo.tokenizer.decode(prompt.slice(1));
    const own = write(model, { prompt: model.encode(shown), maxTokens: 8, temperature: 0, top: 1, seed: 1 });
    const follow = own.map(({ token }) => Buffer.from(model.bytesOf(token)).toString('utf8'));
    const order = { ...ORDER, prompt: { kind: 'text', text: shown }, follow, maxTokens: 0, top: 1 } as const;
    const { positions, promptTokens } = await (await open(file)).measure(order, signal);
    expect(promptTokens).toBeGreaterThanOrEqual(48);
    expect(positions.map(({ token }) => token)).toEqual(follow);
    const apart = positions.map(({ logprob }, index) => Math.abs(logprob - own[index]!.logprob));
    // The engine rounds the other factor of each product to eight bits, too.
    expect(Math.max(...apart)).toBeLessThan(MOST_APART);
  });

  test('gives the same bits again, in another process, and other bits for other weights', async () => {
    const bits = async (each: ReferenceEngine) => (await each.measure(ORDER, signal)).positions.map(({ logits }) => logits);
    const first = await bits(engine);
    await engine.measure({ ...ORDER, prompt: { kind: 'text', text: 'Something else' } }, signal);
    expect(await bits(engine)).toEqual(first);
    expect(await bits(await open('base.gguf'))).toEqual(first);
    const other = await bits(await open('q8.gguf'));
    expect(other[0]).not.toBe(first[0]);
  });

  test('goes on with the same bits when its process was ended, not over a file that changed since, and again over the right one', async () => {
    const file = join(directory, 'changing.gguf');
    writeFileSync(file, zoo.gguf(zoo.base));
    const opened = await open('changing.gguf');
    const before = await opened.measure(ORDER, signal);
    killEngineOf(process.pid);
    expect(await opened.measure(ORDER, signal)).toEqual(before);
    writeFileSync(file, zoo.gguf(zoo.base, 'Q8_0'));
    killEngineOf(process.pid);
    await expect(opened.measure(ORDER, signal)).rejects.toMatchObject({ code: 'model/wrong-digest' });
    rmSync(file);
    await expect(opened.measure(ORDER, signal)).rejects.toMatchObject({ code: 'model/not-fetched' });
    writeFileSync(file, zoo.gguf(zoo.base));
    expect(await opened.measure(ORDER, signal), 'no failed start is kept').toEqual(before);
  });

  test('follows tokens, and stops behind one that it does not have', async () => {
    const { positions } = await engine.measure(ORDER, signal);
    const follow = positions.map(({ token }) => token);
    const wanted = positions.map(({ top }) => top.map(([token]) => token));
    const followed = await engine.measure({ ...ORDER, follow, wanted }, signal);
    expect(followed.positions).toHaveLength(8);
    for (const [index, { known }] of followed.positions.entries())
      for (const [place, log] of known.entries())
        if (log !== null) expect(log).toBeCloseTo(positions[index]!.top[place]![1], 2);
    const cut = await engine.measure(
      { ...ORDER, follow: [follow[0]!, 'no such token', 'x'], wanted: [[], ['no such token'], []] },
      signal,
    );
    expect(cut.positions).toHaveLength(2);
    expect(cut.positions[1]!.known).toEqual([null]);
  });

  test('samples with a seed, and refuses a prompt that is too long', async () => {
    const sampled = async (seed: number) =>
      (await engine.measure({ ...ORDER, temperature: 1, seed, maxTokens: 20 }, signal)).positions
        .map(({ token }) => token)
        .join('');
    expect(await sampled(5)).toBe(await sampled(5));
    expect(await sampled(5)).not.toBe(await sampled(6));
    const long = { ...ORDER, prompt: { kind: 'text', text: 'word '.repeat(3000) } } as const;
    await expect(engine.measure(long, signal)).rejects.toMatchObject({ code: 'model/prompt-too-long' });
    await expect(openReferenceEngine({ dataDir: directory, file: join(directory, 'none.gguf') })).rejects.toMatchObject({
      code: 'model/not-fetched',
    });
  });
});
