/** The model of an endpoint whose operator named none: what the endpoint lists, or an error that asks for the name. */

import { startOpenAiServer } from '@assay/testing';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../config.ts';
import { withNamedModel } from './listed-models.ts';

const serverWith = async (models: readonly string[]) => {
  const server = await startOpenAiServer({ answers: [{ kind: 'silence' }], models });
  onTestFinished(() => server.close());
  return server;
};

test('OPENAI_BASE_URL alone: the first model that it lists', async () => {
  const server = await serverWith(['qwen', 'gemma']);
  const { model } = parseConfig({ OPENAI_BASE_URL: server.base });
  expect(await withNamedModel(model)).toMatchObject({ provider: 'custom', chosen: true, base: server.base, model: 'qwen' });
});

test('a name that was set is not asked for', async () => {
  const { model } = parseConfig({ OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', AI_MODEL: 'mine' });
  expect(await withNamedModel(model)).toBe(model);
});

test('an endpoint that is down, or lists none, leaves the name to the operator', async () => {
  const empty = await serverWith([]);
  for (const [base, why] of [
    ['http://127.0.0.1:1/v1', 'does not answer'],
    [empty.base, 'does not list its models'],
  ] as const) {
    const { model } = parseConfig({ OPENAI_BASE_URL: base });
    await expect(withNamedModel(model)).rejects.toMatchObject({
      code: 'config/missing-key',
      message: `AI_MODEL is needed: ${base} ${why}; set the model's name, or check the address`,
    });
  }
});
