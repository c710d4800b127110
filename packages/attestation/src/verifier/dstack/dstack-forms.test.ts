/** Forms of dstack evidence that files seldom have: without a log, over another quote, with a payload or a configuration of its own. */

import { createHash } from 'node:crypto';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import {
  certificatesOf,
  expectCode,
  FAKE_NOW,
  fakeAttestation,
  fakeDcap,
  fakeDstack,
  fakeNitroDocument,
  fakeSnp,
  scaleVector,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { parseQuote } from '../../evidence/dcap/quote.ts';
import { type DstackEvidence, dstackEvidenceOf } from '../../evidence/dstack/evidence-file.ts';
import type { NamedClaims } from '../../model/claims.ts';
import { declaredChecks } from './claims.ts';
import { verifyDstack } from './dstack.ts';
import { verifyGcpTpm } from './gcp-tpm.ts';

const PAYLOAD = 'what the pod said';
const HASH = new Uint8Array(createHash('sha512').update(`app-data:${PAYLOAD}`).digest());
const outcomes = ({ checks }: NamedClaims) => checks.map(({ id, outcome }) => `${id} ${outcome}`);

async function overTdx(changes: Partial<DstackEvidence>): Promise<NamedClaims> {
  const fake = await fakeDstack({ reportData: HASH });
  const evidence = dstackEvidenceOf(utf8(JSON.stringify(fake.document)));
  if (evidence === null) throw new Error('expected dstack evidence');
  const options = { now: fake.now, endorsements: fake.endorsements, trust: { roots: fake.anchors } };
  return verifyDstack({ ...evidence, ...changes }, options);
}

describe('over TDX', () => {
  test('without a log, nothing that was measured at run time is known', async () => {
    expect(outcomes(await overTdx({ events: null }))).toEqual(
      expect.arrayContaining(['dstack.rtmr3 not-checked', 'dstack.identity not-checked']),
    );
  });

  test('with a payload, the report data is its hash', async () => {
    expect(outcomes(await overTdx({ reportDataPayload: PAYLOAD }))).toContain('dstack.report-data-payload pass');
    await expectCode(overTdx({ reportDataPayload: `${PAYLOAD}!` }), 'dstack/report-data-mismatch');
  });

  test('a quote of an enclave is refused', async () => {
    const { quote } = await fakeDcap({ tee: 'sgx' });
    expect(parseQuote(quote).body.kind).toBe('enclave');
    await expectCode(overTdx({ evidence: quote, events: null }), 'dstack/attestation-malformed');
  });
});

describe('over SEV-SNP', () => {
  const [reportData, fields] = [new Uint8Array(64).fill(0xda), { app_id: '11'.repeat(20), compose_hash: '22'.repeat(32) }];

  async function overSnp(document: string): Promise<NamedClaims> {
    const host = createHash('sha256').update(`dstack-mr-config-v3:\0${document}`).digest();
    const fake = await fakeSnp({
      edit(report) {
        report.set(host, 0xc0);
        report.set(reportData, 0x50);
      },
    });
    const body = concatBytes(scaleVector(fake.report), Uint8Array.of(0), scaleVector(utf8(document)));
    const evidence = dstackEvidenceOf(fakeAttestation({ carrier: 3, body, events: [], reportData }));
    if (evidence === null) throw new Error('expected an attestation');
    return verifyDstack(evidence, { now: FAKE_NOW, endorsements: certificatesOf(fake.chain), trust: { roots: [fake.anchor] } });
  }

  test('no event of the run is measured', async () => {
    const found = outcomes(await overSnp(JSON.stringify({ ...fields, key_provider: 'kms' })));
    expect(found).toEqual(expect.arrayContaining(['dstack.config-id pass', 'dstack.runtime-events not-checked']));
  });

  test.each(['[]', '7', 'null', '"text"'])('a configuration %s is malformed', async (document) => {
    await expectCode(overSnp(document), 'dstack/attestation-malformed');
  });
});

test('over Nitro nothing measured tells an identity', async () => {
  const userData = new Uint8Array(64).fill(0xda);
  const { document, anchor } = await fakeNitroDocument({ fields: { user_data: userData } });
  const bytes = fakeAttestation({ carrier: 2, body: scaleVector(document), events: [], reportData: userData });
  const evidence = dstackEvidenceOf(bytes);
  if (evidence === null) throw new Error('expected an attestation');
  const claims = await verifyDstack(evidence, { now: FAKE_NOW, trust: { roots: [anchor] } });
  expect(outcomes(claims)).toContain('dstack.identity not-checked');
});

test('a TPM quote that is none is malformed', async () => {
  const tpm = { message: utf8('text'), signature: new Uint8Array(8), pcrs: [], certificate: new Uint8Array(8) };
  await expectCode(verifyGcpTpm(tpm, new Uint8Array(8), []), 'dstack/attestation-malformed');
});

test.each([
  [{ app_id: 'aa' }, 'pass'],
  [{ app_id: 'bb' }, 'fail'],
  [{ os_image_hash: 'aa' }, 'not-checked'],
])('what the file says of itself, %j, reads %s', (declared, outcome) => {
  expect(declaredChecks(declared, { 'app-id': 'aa' }).map((check) => check.outcome)).toEqual([outcome]);
});
