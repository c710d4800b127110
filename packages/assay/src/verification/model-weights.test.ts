/** The check that names the weights of a model that the agent ran itself. */

import { createHash } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import type { VerifiedReceipt } from '@assay/receipt';
import { expect, test } from 'vitest';
import { modelWeightsChecks } from './model-weights.ts';

const WEIGHTS = 'ab'.repeat(32);
const profile = (change: JsonObject = {}): Uint8Array =>
  utf8(
    canonicalJson({
      type: 'assay/model-profile/1',
      model: { name: 'm', file: 'm.gguf', sha256: WEIGHTS },
      engine: { name: 'node-llama-cpp', version: '3.22.1' },
      ...change,
    }),
  );

/** A receipt whose payloads were held against their digests already. */
function receipt(event: JsonObject, content: Uint8Array | null): VerifiedReceipt {
  const hash = `sha256:${createHash('sha256')
    .update(content ?? profile())
    .digest('hex')}`;
  const call = {
    ...{ type: 'model.called', provider: 'embedded', model: 'm', provenance: 'embedded' },
    ...{ model_hash: `sha256:${WEIGHTS}`, profile_hash: hash },
    ...event,
  };
  const payload = { name: 'model-profile.json', media_type: 'application/json', bytes: 1, hash, content };
  return { receipt: { event_log: [call] }, payloads: [payload] } as unknown as VerifiedReceipt;
}

test.each<[string, JsonObject, Uint8Array | null, object | undefined]>([
  [
    'weights as the profile has them',
    {},
    profile(),
    { outcome: 'pass', actual: expect.stringContaining(`m.gguf, sha256:${WEIGHTS}, run by node-llama-cpp 3.22.1`) },
  ],
  ['a profile that was redacted', {}, null, { outcome: 'not-checked' }],
  [
    'other weights in the profile',
    { model_hash: `sha256:${'cd'.repeat(32)}` },
    profile(),
    { outcome: 'fail', expected: `sha256:${'cd'.repeat(32)}` },
  ],
  ['a call that names no weights', { model_hash: null }, profile(), { outcome: 'fail' }],
  ['a call that names no model', { model: null }, profile(), { outcome: 'fail' }],
  ['a call with members of another form', { provider: null, attempt: 'first' }, profile(), { outcome: 'pass' }],
  ['a call with members of another form and no weights', { provider: null, model_hash: 7 }, profile(), { outcome: 'fail' }],
  ['a call that names no profile', { profile_hash: null }, profile(), { outcome: 'fail' }],
  ['a profile of another type', {}, profile({ type: 'assay/model-profile/2' }), { outcome: 'fail' }],
  ['a profile without a file name', {}, profile({ model: { sha256: WEIGHTS } }), { outcome: 'fail' }],
  ['a profile that is no JSON', {}, utf8('{'), { outcome: 'fail' }],
  ['a model elsewhere', { provenance: 'unverified' }, profile(), undefined],
  ['a call that failed', { error: 'model/timeout', model_hash: null }, profile(), undefined],
])('%s', (_, event, content, check) => {
  const [found, ...others] = modelWeightsChecks([receipt(event, content)]);
  expect(others).toEqual([]);
  if (check === undefined) expect(found).toBeUndefined();
  else expect(found).toMatchObject({ id: 'receipt.model-weights', spec: 'spec/model-profile.md', ...check });
});

test('the same weights are named once', () => {
  const same = receipt({}, profile());
  expect(modelWeightsChecks([same, same])).toHaveLength(1);
});
