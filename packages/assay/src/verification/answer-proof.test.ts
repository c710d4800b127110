/** The verdict on the proof of a signed answer: every check it lists, and what it says of nonce, age and bytes. Changed proofs: tests/upstream. */

import { createHash } from 'node:crypto';
import { STRICT_POLICY } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { FAKE_NOW, redpillKey, redpillReport } from '@assay/testing';
import { type AnswerProof, encodeAnswerProof } from '@assay/upstream';
import { expect, test } from 'vitest';
import { verifyProof } from './answer-proof.ts';
import type { VerifyOptions } from './options.ts';

const NONCE = new Uint8Array(32).fill(7);
const key = await redpillKey('ed25519');
const { document, endorsements, anchors } = await redpillReport({
  ...{ key, nonce: NONCE, model: 'acme/m', now: FAKE_NOW, lie: null, gpu: false, shape: 'flat' },
  ...{ textMembers: false, tlsFingerprint: null },
});

function side(text: string) {
  const bytes = utf8(text);
  return { bytes, hash: createHash('sha256').update(bytes).digest('hex') };
}
const [request, response] = [side('{"model":"acme/m"}'), side('42')];
const text = `${request.hash}:${response.hash}`;
const signature = {
  ...{ text, signature: encodeHex(await key.sign(text)) },
  ...{ signing_address: encodeHex(key.address), signing_algo: 'ed25519' },
};
const PROOF: AnswerProof = {
  ...{ service: 'https://service.example', model: 'acme/m', time: FAKE_NOW, nonce: encodeHex(NONCE) },
  ...{ report: utf8(JSON.stringify(document)), endorsements, signature: utf8(JSON.stringify(signature)) },
  ...{ request, response },
};

async function checksOf(options: VerifyOptions, proof = PROOF) {
  const [simulatedRoot] = anchors;
  const { checks } = await verifyProof(encodeAnswerProof(proof), { now: FAKE_NOW, trust: { simulatedRoot }, ...options });
  return Object.fromEntries(checks.filter(({ id }) => id.startsWith('proof.')).map(({ id, outcome }) => [id, outcome]));
}

const SIGNED = { 'proof.signature': 'pass', 'proof.request': 'pass', 'proof.response': 'pass' };
const OPEN = { 'proof.nonce': 'not-checked', 'proof.freshness': 'not-checked' };
const fresh = { ...STRICT_POLICY, freshness: { required: true, maxAgeSeconds: 60, skewSeconds: 0 } };

test.each<[string, VerifyOptions, AnswerProof, object]>([
  ['as it was kept', {}, PROOF, { ...SIGNED, 'proof.bytes': 'pass', ...OPEN }],
  [
    'without the request',
    {},
    { ...PROOF, request: { ...request, bytes: null } },
    { ...SIGNED, 'proof.bytes': 'not-checked', ...OPEN },
  ],
  [
    'without the answer',
    {},
    { ...PROOF, response: { ...response, bytes: null } },
    { ...SIGNED, 'proof.bytes': 'not-checked', ...OPEN },
  ],
  ['for the nonce that was sent', { expected: { nonce: PROOF.nonce } }, PROOF, { 'proof.nonce': 'pass' }],
  ['for another nonce', { expected: { nonce: '00'.repeat(32) } }, PROOF, { 'proof.nonce': 'fail' }],
  ['at the age that the policy allows', { policy: fresh, now: FAKE_NOW + 60_000 }, PROOF, { 'proof.freshness': 'pass' }],
  ['that is older', { policy: fresh, now: FAKE_NOW + 60_001 }, PROOF, { 'proof.freshness': 'fail' }],
])('a proof %s', async (_, options, proof, expected) => {
  expect(await checksOf(options, proof)).toMatchObject(expected);
});
