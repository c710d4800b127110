/** Evidence is authenticated once on every road: by `connect`, by `verify` of a report, of a receipt and of bare evidence. */

import { nitroVerifier } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import { FAKE_NOW, fakeChain, fakeNitroDocument, sealedAgent } from '@assay/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { verify } from '../verification/verify.ts';
import { connect } from './connect.ts';

let authenticated = vi.spyOn(nitroVerifier, 'verify');

beforeEach(() => {
  authenticated = vi.spyOn(nitroVerifier, 'verify');
});

afterEach(() => {
  vi.restoreAllMocks();
});

test('connect verifies the evidence of its agent exactly once', async () => {
  const agent = await sealedAgent({ answer: () => new Response('hello') });
  const trust = { simulatedRoot: agent.rootPem };
  const { attested } = await connect('http://127.0.0.1:8000', { trust, fetch: agent.fetch, now: () => FAKE_NOW });
  expect(attested.verdict).toMatchObject({ outcome: 'accepted', simulated: true });
  expect(authenticated).toHaveBeenCalledTimes(1);
});

test('verify takes a saved report once', async () => {
  const agent = await sealedAgent({ answer: () => new Response('hello') });
  const trust = { simulatedRoot: agent.rootPem };
  const { attested } = await connect('http://127.0.0.1:8000', { trust, fetch: agent.fetch, now: () => FAKE_NOW });
  authenticated.mockClear();
  const verdict = await verify(utf8(canonicalJson(attested.report.document)), {
    ...{ now: FAKE_NOW, trust, expected: { nonce: attested.nonce } },
  });
  expect(verdict).toMatchObject({ outcome: 'accepted', type: 'report' });
  expect(authenticated).toHaveBeenCalledTimes(1);
});

test('verify takes bare evidence once, and parses it once', async () => {
  const chain = await fakeChain({ simulated: true });
  const { document } = await fakeNitroDocument({ chain, fields: { timestamp: FAKE_NOW } });
  const recognised = vi.spyOn(nitroVerifier, 'recognise');
  const verdict = await verify(document, { now: FAKE_NOW, trust: { simulatedRoot: chain.root.der } });
  expect(verdict).toMatchObject({ outcome: 'accepted', type: 'nitro' });
  expect([authenticated.mock.calls.length, recognised.mock.calls.length]).toEqual([1, 1]);
});
