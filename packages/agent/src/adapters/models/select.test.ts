import { fenced, startOpenAiServer } from '@assay/testing';
import { expect, test } from 'vitest';
import { parseConfig } from '../../config.ts';
import { EmbeddedModels } from './embedded/embedded-models.ts';
import { createModel } from './select.ts';

const ask = {
  messages: [{ role: 'user', content: 'the prompt' }],
  task: { description: 'Calculate the factorial of 10 and print the result', language: 'python', context: null },
} as const;

/** A data directory without models. */
function none(): EmbeddedModels {
  const { model: config } = parseConfig({});
  return new EmbeddedModels({ dataDir: '/nonexistent', config, onLoaded: async () => undefined });
}

test('an endpoint that was chosen and is down is an error, never a recording', async () => {
  const model = createModel(parseConfig({ AI_PROVIDER: 'ollama', AI_API_BASE: 'http://127.0.0.1:1' }).model, {
    embedded: none(),
  });
  await expect(model.complete(ask)).rejects.toMatchObject({ code: 'model/unreachable' });
});

test('nothing chosen: recorded while nothing answers, the endpoint as soon as it does', async () => {
  let time = 0;
  const server = await startOpenAiServer({ answers: [fenced('python', 'print(2)')] });
  const config = parseConfig({}).model;
  const down = createModel({ ...config, base: 'http://127.0.0.1:1/v1' }, { embedded: none(), now: () => time });
  const reply = await down.complete(ask);
  expect(reply.provenance.kind).toBe('recorded');
  expect(reply.text).toContain('factorial');
  expect(await down.probe()).toMatchObject({ reachable: false });

  const up = createModel({ ...config, base: server.base }, { embedded: none(), now: () => time });
  expect((await up.complete(ask)).provenance.kind).toBe('unverified');
  await server.close();
  time += 60_000;
  expect((await up.complete(ask)).provenance.kind).toBe('recorded');
});

test('the model that serves now stays the same when another comes up', async () => {
  let time = 0;
  const server = await startOpenAiServer({ answers: [fenced('python', 'print(2)')] });
  const config = parseConfig({}).model;
  const model = createModel({ ...config, base: server.base }, { embedded: none(), now: () => time });
  expect(model.provider).toBe('recorded');
  const serving = (await model.serving?.()) ?? expect.fail('it can change');
  expect(serving.provider).toBe('ollama');
  await server.close();
  time += 60_000;
  await model.probe();
  expect(model.provider).toBe('recorded');
  expect(serving.provider).toBe('ollama');
  await expect(serving.complete(ask)).rejects.toMatchObject({ code: 'model/unreachable' });
});

test('an embedded model that was not fetched says how it is fetched; one that does not exist stops the start', async () => {
  const named = createModel(parseConfig({ AI_PROVIDER: 'embedded', AI_MODEL: 'smollm2-135m' }).model, { embedded: none() });
  await expect(named.complete(ask)).rejects.toMatchObject({
    code: 'model/not-fetched',
    message: expect.stringContaining('assay model fetch smollm2-135m'),
  });
  expect(await named.probe()).toMatchObject({ reachable: false, detail: expect.stringContaining('assay model fetch') });
  const unnamed = createModel(parseConfig({ AI_PROVIDER: 'embedded' }).model, { embedded: none() });
  await expect(unnamed.complete(ask)).rejects.toMatchObject({ code: 'model/not-fetched' });
  expect(unnamed).toMatchObject({ provider: 'embedded', model: 'qwen2.5-coder-0.5b' });
  const { model } = parseConfig({ AI_PROVIDER: 'embedded', AI_MODEL: 'gpt-9' });
  expect(() => createModel(model, { embedded: none() })).toThrow(expect.objectContaining({ code: 'model/unknown-name' }));
});
