import { fenced, startOpenAiServer } from '@assay/testing';
import { expect, test } from 'vitest';
import { parseConfig } from '../../config.ts';
import { createModel } from './select.ts';

const ask = {
  messages: [{ role: 'user', content: 'the prompt' }],
  task: { description: 'Calculate the factorial of 10 and print the result', language: 'python', context: null },
} as const;

test('an endpoint that was chosen and is down is an error, never a recording', async () => {
  const model = createModel(parseConfig({ AI_PROVIDER: 'ollama', AI_API_BASE: 'http://127.0.0.1:1' }).model);
  await expect(model.complete(ask)).rejects.toMatchObject({ code: 'model/unreachable' });
});

test('nothing chosen: recorded while nothing answers, the endpoint as soon as it does', async () => {
  let time = 0;
  const server = await startOpenAiServer({ answers: [fenced('python', 'print(2)')] });
  const config = parseConfig({}).model;
  const down = createModel({ ...config, base: 'http://127.0.0.1:1/v1' }, () => time);
  const reply = await down.complete(ask);
  expect(reply.provenance.kind).toBe('recorded');
  expect(reply.text).toContain('factorial');
  expect(await down.probe()).toMatchObject({ reachable: false });

  const up = createModel({ ...config, base: server.base }, () => time);
  expect((await up.complete(ask)).provenance.kind).toBe('unverified');
  await server.close();
  time += 60_000;
  expect((await up.complete(ask)).provenance.kind).toBe('recorded');
});
