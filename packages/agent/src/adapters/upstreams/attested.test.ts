/** The files that settings for attested upstreams name: read at start, and refused there when they are not what they should be. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePem } from '@assay/encoding/pem';
import { expectCode, redpillKey, redpillReport } from '@assay/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../config.ts';
import { attestedUpstreamOf } from './attested.ts';

let directory: string;
let pem: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-attested-'));
  const form = { now: Date.now(), lie: null, gpu: false, shape: 'flat', textMembers: true, tlsFingerprint: null } as const;
  const { anchors } = await redpillReport({ ...form, key: await redpillKey('ecdsa'), model: 'm', nonce: new Uint8Array(32) });
  pem = anchors
    .map(({ certificate }) => encodePem('CERTIFICATE', certificate ?? expect.unreachable('a root has one')))
    .join('\n');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function upstreamOf(settings: Record<string, string>, provider = 'redpill') {
  const base = { AI_PROVIDER: provider, AI_MODEL: 'm', REDPILL_API_KEY: 'key', NEAR_API_KEY: 'key', TINFOIL_API_KEY: 'key' };
  return attestedUpstreamOf(parseConfig({ ...base, ASSAY_DATA_DIR: directory, ...settings }).model, Date.now);
}

test.each(['redpill', 'near', 'tinfoil'])('%s is an attested upstream', (provider) => {
  expect(upstreamOf({}, provider)).toMatchObject({ name: provider, attestable: true });
});

test('providers without a TEE have none', () => {
  expect(upstreamOf({}, 'ollama')).toBeNull();
});

test.each<[string, string, (() => string) | null, string]>([
  ['ASSAY_UPSTREAM_SIMULATED_ROOT', 'no certificate', () => 'nothing', 'config/bad-value'],
  ['ASSAY_UPSTREAM_SIMULATED_ROOT', 'two certificates', () => `${pem}\n${pem}`, 'config/bad-value'],
  ['ASSAY_UPSTREAM_SIMULATED_ROOT', 'no file', null, 'config/unreadable'],
  ['ASSAY_UPSTREAM_POLICY', 'no policy', () => '{"version":2}', 'config/bad-value'],
  ['ASSAY_UPSTREAM_POLICY', 'no file', null, 'config/unreadable'],
  ['ASSAY_UPSTREAM_AUTHORITIES', 'no certificate', () => 'nothing', 'config/bad-value'],
  ['ASSAY_UPSTREAM_COLLATERAL', 'no folder', null, 'config/unreadable'],
])('%s: %s', async (setting, _, content, code) => {
  const path = join(directory, `${setting}-${content === null ? 'absent' : 'file'}`);
  if (content !== null) writeFileSync(path, content());
  const error = await expectCode(() => upstreamOf({ [setting]: path }), code);
  expect(error.message).toContain(setting);
});

test('a root in PEM is taken', () => {
  const path = join(directory, 'root.pem');
  writeFileSync(path, pem);
  expect(upstreamOf({ ASSAY_UPSTREAM_SIMULATED_ROOT: path })).not.toBeNull();
});
