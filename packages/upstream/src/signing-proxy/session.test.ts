/** Bounds of a session with a signing proxy: how much of a sealed answer is kept for its signature. */

import { DEFAULT_POLICY } from '@assay/attestation/appraisal/presets';
import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { expectRefusal, FAKE_NOW, redpillKey, redpillReport } from '@assay/testing';
import { expect, test } from 'vitest';
import { serviceKind } from '../services.ts';

const MODEL = 'acme/m';
const PIECE = utf8(`: ${'x'.repeat(1024 * 1024)}\n`);

test('service/refused: a sealed answer without end', async () => {
  const form = { now: FAKE_NOW, lie: null, gpu: false, shape: 'flat', textMembers: true, tlsFingerprint: null } as const;
  const report = { ...form, key: await redpillKey('ed25519'), model: MODEL };
  const { anchors, endorsements } = await redpillReport({ ...report, nonce: new Uint8Array(32) });
  let pieces = 0;
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (body) => {
      pieces += 1;
      body.enqueue(PIECE);
    },
  });
  const opening = await serviceKind('redpill').open(
    {
      ...{
        base: 'https://service.example',
        apiKey: null,
        dialer: null,
        channel: 'sealed',
        policy: DEFAULT_POLICY,
        collateral: null,
      },
      ...{ now: () => FAKE_NOW, sleep: async () => undefined, endorsements },
      trust: { roots: anchors.map((anchor) => ({ ...anchor, simulated: false })) },
      fetch: async (input, init) => {
        const { pathname, searchParams } = new URL(String(input));
        if (pathname === '/v1/attestation/report')
          return Response.json(
            (await redpillReport({ ...report, nonce: decodeHex(searchParams.get('nonce') ?? '') })).document,
          );
        expect(new TextDecoder().decode(init?.body as Uint8Array)).not.toContain('secret');
        const headers = { 'content-type': 'text/event-stream', 'x-e2ee-applied': 'true', 'x-e2ee-version': '2' };
        return new Response(endless, { headers });
      },
    },
    MODEL,
  );
  if (opening.outcome === 'refused') return expect.unreachable(opening.evidence.result.outcome);
  const body = utf8(JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'my secret' }], stream: true }));
  const { response } = await opening.session.forward({ path: '/v1/chat/completions', body });
  await expectRefusal(response.arrayBuffer(), 'service/refused', ['at most 67108864 bytes', 'got more']);
  expect(pieces).toBeLessThan(70);
});
