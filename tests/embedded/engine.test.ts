/** What can go wrong around the engine process: bad files, files that vanish or change, a process that dies, prompts beyond the context. */

import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isCoded } from '@assay/encoding/coded-error';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  createEmbeddedModel,
  type EmbeddedModel,
  type EmbeddedModelOptions,
} from '../../packages/agent/src/adapters/models/embedded/embedded-model.ts';
import { EngineHandle } from '../../packages/agent/src/adapters/models/embedded/engine-handle.ts';
import type { Profile } from '../../packages/agent/src/adapters/models/embedded/profile.ts';
import { killEngineOf } from './engine-kill.ts';
import { directoryWith, engineFolder, isAtHand, SHARED, SMOLLM2 } from './models-at-hand.ts';

const ask = (content: string) => ({ messages: [{ role: 'user', content }] as const, maxTokens: 12 });
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'fine',
    (error: unknown) => (isCoded(error) ? error.code : String(error)),
  );

describe.runIf(isAtHand(SMOLLM2))('the engine', { timeout: 300_000 }, () => {
  const { directory, remove } = directoryWith([]);
  const file = join(directory, 'models', 'copy.gguf');
  copyFileSync(join(SHARED, 'models', SMOLLM2.file), file);
  afterAll(remove);

  const profiles: Profile[] = [];
  const modelOf = (more: Partial<EmbeddedModelOptions> = {}): EmbeddedModel => {
    const model = createEmbeddedModel({
      ...{ dataDir: directory, name: 'copy', file, sha256: null, temperature: 0, maxTokens: 12, timeoutMs: 250_000 },
      onLoaded: async (profile) => void profiles.push(profile),
      ...more,
    });
    onTestFinished(() => model.close());
    return model;
  };

  test('streams what it says, counts tokens, and stops at the end mark or at the bound', async () => {
    const model = modelOf();
    const said: string[] = [];
    const short = await model.complete({ ...ask('Say hello.'), maxTokens: 4, onText: (text) => said.push(text) });
    expect(said.join('')).toBe(short.text);
    expect(said.length).toBeGreaterThan(1);
    expect(short).toMatchObject({ finish: 'length', usage: { completionTokens: 4 }, provenance: { kind: 'embedded' } });
    const whole = await model.complete({ ...ask('What is the capital of France? One word.'), maxTokens: 200 });
    expect(whole).toMatchObject({ finish: 'stop', text: expect.stringContaining('Paris') });
    expect(JSON.parse(new TextDecoder().decode(whole.requestBytes))).toMatchObject({
      model: 'copy',
      temperature: 0,
      seed: expect.any(Number),
    });
    expect(profiles.at(-1)?.sha256).toBe(whole.provenance.kind === 'embedded' && whole.provenance.profile);
  });

  test('holds a reply to the block that was asked for', async () => {
    const model = modelOf();
    const said: string[] = [];
    const block = { opening: '```python\n', closing: '\n```' };
    const request = { ...ask('Write a Python program that prints hello.'), maxTokens: 200, block };
    const { text, finish, requestBytes } = await model.complete({ ...request, onText: (piece) => said.push(piece) });
    expect(text).toMatch(/^```python\n(?!```)[\s\S]*\n```$/);
    expect(text.split('```')).toHaveLength(3);
    expect(said.join('')).toBe(text);
    expect(finish).toBe('stop');
    expect(JSON.parse(new TextDecoder().decode(requestBytes))).toMatchObject({ block });
  });

  test('ends a reply that goes round in a loop', async () => {
    const block = { opening: 'ha '.repeat(120), closing: '\n```' };
    const reply = await modelOf().complete({ ...ask('Say ha for ever.'), maxTokens: 4000, block });
    expect(reply).toMatchObject({ finish: 'length', finishReason: 'repetition' });
    expect(reply.text).not.toContain('```');
    expect(reply.usage.completionTokens).toBeLessThan(1500);
  });

  test('serves several prompts, one after the other', async () => {
    const model = modelOf();
    const replies = await Promise.all(['Say one.', 'Say two.', 'Say three.'].map((text) => model.complete(ask(text))));
    expect(replies.every(({ text }) => text.length > 0)).toBe(true);
    expect(new Set(replies.map(({ provenance }) => JSON.stringify(provenance))).size).toBe(1);
  });

  test('ends a prompt that was cancelled, and goes on with the next', async () => {
    const model = modelOf();
    const abort = new AbortController();
    const long = model.complete({
      ...ask('Count from 1 to 500.'),
      maxTokens: 4000,
      signal: abort.signal,
      onText: () => abort.abort(),
    });
    expect(await codeOf(long)).toBe('task/cancelled');
    expect((await model.complete(ask('Say hello.'))).text.length).toBeGreaterThan(0);
  });

  test('ends a prompt that takes too long', async () => {
    const slow = modelOf({ timeoutMs: 1 });
    expect(await codeOf(slow.complete(ask('Say hello.')))).toBe('model/timeout');
  });

  test('refuses a prompt beyond its context', async () => {
    const error = await modelOf()
      .complete(ask('word '.repeat(20_000)))
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'model/prompt-too-long',
      message: expect.stringMatching(/^expected a prompt of at most \d+ tokens, got \d+ tokens; /),
    });
  });

  test('that dies takes its prompt with it, and is started again', async () => {
    const handle = await EngineHandle.start({
      engine: engineFolder(),
      file,
      contextTokens: 2048,
      batchTokens: 128,
      memoryBytes: 1,
    });
    const doomed = handle.write(
      { ...ask('Count from 1 to 500.'), temperature: 0, maxTokens: 1500, seed: 1 },
      { signal: new AbortController().signal, onText: () => undefined },
    );
    // It takes more than one byte, so the watch ends it.
    await expect(doomed).rejects.toMatchObject({ code: 'model/engine-failed', message: expect.stringContaining('memory') });
    expect(handle.ended?.code).toBe('model/engine-failed');
    const model = modelOf();
    await model.complete(ask('Say hello.'));
    const loads = profiles.length;
    killEngineOf(process.pid);
    await expect.poll(() => codeOf(model.complete(ask('Say hello.'))), { timeout: 120_000 }).toBe('fine');
    expect(profiles.length).toBe(loads + 1);
  });

  test('goes on when its file is removed, and says so at the next start', async () => {
    const gone = join(directory, 'models', 'gone.gguf');
    copyFileSync(file, gone);
    const model = modelOf({ file: gone });
    await model.complete(ask('Say hello.'));
    unlinkSync(gone);
    expect((await model.complete(ask('Say hello.'))).text.length).toBeGreaterThan(0);
    expect(await model.probe()).toMatchObject({ reachable: false });
    expect(await codeOf(modelOf({ file: gone }).complete(ask('Say hello.')))).toBe('model/not-fetched');
  });

  test('two agents run one file', async () => {
    const replies = await Promise.all([modelOf(), modelOf()].map((model) => model.complete(ask('Say hello.'))));
    expect(replies[0]?.text).toBe(replies[1]?.text);
  });

  test.each<[string, (path: string) => void, string]>([
    ['no model at all', (path) => writeFileSync(path, 'not a model'), 'model/unloadable'],
    ['noise of that length', (path) => writeFileSync(path, randomBytes(1_000_000)), 'model/unloadable'],
    ['an empty file', (path) => writeFileSync(path, new Uint8Array(0)), 'model/unloadable'],
    ['half a model', (path) => writeFileSync(path, readFileSync(file).subarray(0, 50_000_000)), 'model/unloadable'],
    ['an architecture that llama.cpp does not have', (path) => writeFileSync(path, foreignGguf()), 'model/unloadable'],
  ])('refuses %s', async (_, write, code) => {
    const bad = join(directory, 'models', 'bad.gguf');
    write(bad);
    onTestFinished(() => rmSync(bad));
    expect(await codeOf(modelOf({ file: bad }).complete(ask('Say hello.')))).toBe(code);
  });

  test('refuses the file of another digest, before it answers', async () => {
    const model = modelOf({ sha256: '0'.repeat(64) });
    const error = await model.complete(ask('Say hello.')).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'model/wrong-digest', message: expect.stringContaining('assay model rm copy') });
  });

  test('says when the processor is not one that the engine was built for', async () => {
    const entry = join(directory, 'foreign', 'node_modules', 'node-llama-cpp', 'dist');
    mkdirSync(entry, { recursive: true });
    // What a binary with AVX does on a processor without it.
    writeFileSync(join(entry, 'index.js'), "process.kill(process.pid, 'SIGILL'); await new Promise(() => {});");
    const options = { engine: join(directory, 'foreign'), file, contextTokens: 512, batchTokens: 128, memoryBytes: 2 ** 30 };
    await expect(EngineHandle.start(options)).rejects.toMatchObject({
      code: 'model/engine-failed',
      message: 'the engine process ended by SIGILL; this processor lacks what the engine needs, connect Ollama instead',
    });
  });

  test('answers nothing when its profile cannot be logged', async () => {
    const model = modelOf({ onLoaded: () => Promise.reject(new Error('the log is full')) });
    await expect(model.complete(ask('Say hello.'))).rejects.toThrow('the log is full');
  });
});

/** A GGUF file (version 3) without tensors, of an unknown architecture. */
function foreignGguf(): Uint8Array {
  const text = (value: string): Buffer => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(value.length));
    return Buffer.concat([length, Buffer.from(value)]);
  };
  const head = Buffer.alloc(24);
  head.write('GGUF', 0);
  head.writeUInt32LE(3, 4);
  head.writeBigUInt64LE(0n, 8);
  head.writeBigUInt64LE(1n, 16);
  const type = Buffer.alloc(4);
  type.writeUInt32LE(8);
  return Buffer.concat([head, text('general.architecture'), type, text('no-such-architecture')]);
}
