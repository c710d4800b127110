/** dstack attestations of GCP: a TDX quote with its log, and a TPM quote over it; one defect each. */

import { createHash } from 'node:crypto';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import {
  expectCode,
  type FakeEvent,
  type FakeTpmOptions,
  fakeAttestation,
  fakeDstack,
  fakeTpmQuote,
  scaleLog,
  scaleVector,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { VerifiedClaims } from '../../model/claims.ts';
import { dstackVerifier } from './dstack.ts';

const reportData = new Uint8Array(64).fill(0xda);
const runtime = (log: readonly FakeEvent[]) => log.filter(({ imr }) => imr === 3);

async function verifyBytes(bytes: Uint8Array, options: Parameters<typeof dstackVerifier.verify>[1]): Promise<VerifiedClaims> {
  const evidence = dstackVerifier.recognise(bytes);
  if (evidence === null) throw new Error('expected an attestation');
  return dstackVerifier.verify(evidence, options);
}

describe('over TDX with a TPM on GCP', () => {
  const hash = (...parts: Uint8Array[]) =>
    new Uint8Array(
      createHash('sha256')
        .update(concatBytes(...parts))
        .digest(),
    );
  const replayed = (log: readonly FakeEvent[]) =>
    log.reduce((register, { event, event_payload: payload }) => {
      const preimage = concatBytes(Uint8Array.of(1, 0, 0, 8), utf8(`:${event}:`), Uint8Array.from(Buffer.from(payload, 'hex')));
      return hash(register, hash(preimage));
    }, new Uint8Array(32));
  const u32 = (value: number) => Uint8Array.of(value, 0, 0, 0);

  async function gcp(tpm: FakeTpmOptions = {}) {
    const fake = await fakeDstack();
    const quote = concatBytes(fake.quote, new Uint8Array(70));
    const pcrs = new Map([
      [0, new Uint8Array(32).fill(1)],
      [14, replayed(runtime(fake.log))],
    ]);
    const { document, chain } = await fakeTpmQuote({ extraData: hash(quote), pcrs, ...tpm });
    const values = Object.entries(document.pcrs.sha256).map(([index, value]) =>
      concatBytes(u32(Number(index)), scaleVector(utf8('sha256')), scaleVector(Uint8Array.from(Buffer.from(value, 'hex')))),
    );
    const tpmQuote = concatBytes(
      scaleVector(Uint8Array.from(Buffer.from(document.message, 'base64'))),
      scaleVector(Uint8Array.from(Buffer.from(document.signature, 'hex'))),
      concatBytes(Uint8Array.of(values.length << 2), ...values),
      scaleVector(chain.leaf.der),
      Uint8Array.of(1),
      concatBytes(Uint8Array.of(1 << 2), u32(0), scaleVector(new Uint8Array(32))),
    );
    const body = concatBytes(scaleVector(quote), scaleLog(fake.log), tpmQuote);
    const bytes = fakeAttestation({ carrier: 1, body, events: runtime(fake.log), reportData });
    return { bytes, options: { now: fake.now, endorsements: fake.endorsements, trust: { roots: fake.anchors } } };
  }

  test('the TPM quoted this TDX quote and these events; whose key it has stays open', async () => {
    const { bytes, options } = await gcp();
    const claims = await verifyBytes(bytes, options);
    expect(claims).toMatchObject({ type: 'dstack', identity: { 'instance-id': '1d'.repeat(20) } });
    expect(claims.checks.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
    const outcomes = Object.fromEntries(claims.checks.map(({ id, outcome }) => [id, outcome]));
    expect(outcomes).toMatchObject({
      'dstack.rtmr3': 'pass',
      'dstack.tpm-quote': 'pass',
      'dstack.pcr14': 'pass',
      'dstack.tpm-key': 'not-checked',
    });
    expect(Object.keys(claims.measurements).filter((name) => name.includes('pcr'))).toEqual([]);
  });

  test.each<[string, string, FakeTpmOptions]>([
    ['over another quote', 'dstack/report-data-mismatch', { extraData: new Uint8Array(32) }],
    ['whose events differ', 'dstack/register-mismatch', { pcrs: new Map([[14, new Uint8Array(32)]]) }],
    [
      'whose signature is broken',
      'tpm/signature-invalid',
      { editSignature: (signature) => signature.with(20, (signature[20] ?? 0) ^ 1) },
    ],
  ])('a TPM quote %s is refused', async (_, code, tpm) => {
    const { bytes, options } = await gcp(tpm);
    await expectCode(() => verifyBytes(bytes, options), code);
  });
});
