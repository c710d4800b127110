/** Every SEV-SNP vector of ../shared/vectors: verdicts as the manifest gives them, then the file shapes around the reports. */

import { type NamedClaims, VerificationCache, verify, verifyEvidence } from '@assay/attestation';
import { describe, expect, test } from 'vitest';
import { casesOf, endorsementsOf, haveVectors, vectorBytes } from './vectors.ts';

/** `npm run vectors` flips every bit, `npm test` a sample. */
const FLIP_STRIDE = process.env.ASSAY_EVERY_BIT === '1' ? 1 : 97;
const cases = casesOf('amd-sev-snp');
/** Genuine reports beside a key or chain that is out of date or another's: nothing is proved against them, and nothing for them. */
const OPEN = new Set(['snp-wrong-product-chain', 'snp-wrong-chip', 'snp-vlek-expired']);
const genuine = cases.filter(({ expect: wanted }) => wanted.verdict === 'valid');
const bad = cases.filter(({ expect: wanted }) => wanted.verdict !== 'valid');

describe.skipIf(!haveVectors)('sev-snp vectors', () => {
  test('the manifest holds 30 genuine and 6 bad ones', () => expect([genuine.length, bad.length]).toEqual([30, 6]));

  test.each(genuine)('$id is authentic', async ({ evidence, companions, at, expect: wanted }) => {
    const claims: NamedClaims = await verifyEvidence(vectorBytes(evidence), {
      now: Date.parse(at),
      endorsements: endorsementsOf(companions),
    });
    expect(claims).toMatchObject({
      type: 'sev-snp',
      simulated: false,
      debug: wanted.debug_policy_bit19,
      measurements: { measurement: wanted.measurement },
      bindings: { reportData: wanted.report_data },
      identity: { product: wanted.chain_to_ark.slice(4), 'signing-key': wanted.signing_key.toLowerCase() },
      details: { vmpl: wanted.vmpl },
    });
    expect(claims.checks.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
    const chip = claims.checks.find(({ id }) => id === 'snp.chip-id');
    expect(chip?.outcome).toBe(wanted.hwid_matches_chip_id === true ? 'pass' : 'not-checked');
  });

  test.each(genuine)('$id needs only its key: the rest of the chain is built in', async ({ evidence, companions, at }) => {
    const { vcek, vlek } = companions ?? {};
    const endorsements = endorsementsOf({ key: (vcek ?? vlek) as string });
    await expect(verifyEvidence(vectorBytes(evidence), { now: Date.parse(at), endorsements })).resolves.toBeDefined();
  });

  test.each(genuine)('$id without its key is unavailable', async ({ evidence, at }) => {
    const { outcome, error } = await verify(vectorBytes(evidence), { now: Date.parse(at) });
    expect([outcome, error?.code]).toEqual(['unavailable', 'snp/endorsement-key-missing']);
  });

  test.each(bad)('$id is refused: $expect.reason', async ({ id, evidence, companions, at }) => {
    const { outcome } = await verify(vectorBytes(evidence), { now: Date.parse(at), endorsements: endorsementsOf(companions) });
    expect(outcome).toBe(OPEN.has(id) ? 'unavailable' : 'not-authentic');
  });
});

/** Shapes of files around reports; `companions` where the file does not carry the key itself. */
const envelopes = [
  { file: 'trustee-az-snp-vtpm-evidence-v1.json', companions: [], product: 'Milan' },
  { file: 'trustee-az-snp-vtpm-evidence-v2.json', companions: [], product: 'Milan' },
  { file: 'veraison-sevsnp-tsm-report.json', companions: [], product: 'Genoa' },
  {
    file: 'oak-turin_oc_evidence.binarypb',
    companions: ['snp/envelopes/oak-turin_oc_endorsements.binarypb'],
    product: 'Turin',
  },
] as const;

describe.skipIf(!haveVectors)('sev-snp envelopes', () => {
  test.each(envelopes)('$file is recognised and authentic', async ({ file, companions, product }) => {
    const endorsements = endorsementsOf(Object.fromEntries(companions.map((name) => [name, name])));
    const claims: NamedClaims = await verifyEvidence(vectorBytes(`snp/envelopes/${file}`), {
      now: Date.parse('2026-06-01T00:00:00Z'),
      endorsements,
    });
    expect(claims.identity.product).toBe(product);
  });

  test('azure-hcl-report-snp.bin is recognised, and the key beside it found to be of another chip', async () => {
    const endorsements = endorsementsOf({ chain: 'snp/envelopes/azure-certs.pem' });
    const { type, error } = await verify(vectorBytes('snp/envelopes/azure-hcl-report-snp.bin'), {
      now: Date.parse('2026-06-01T00:00:00Z'),
      endorsements,
    });
    expect([type, error?.code]).toEqual(['sev-snp', 'endorsements/foreign']);
  });
});

test.skipIf(!haveVectors)('a genuine turin key without a report is known as such', async () => {
  const { error } = await verify(vectorBytes('snp/certs/vcek-turin-virtee.der'), { now: Date.parse('2026-06-01T00:00:00Z') });
  expect(error?.code).toBe('snp/report-missing');
});

test.skipIf(!haveVectors)('every one-bit flip of a genuine report is refused', async () => {
  const [{ evidence, companions, at }] = genuine as [(typeof genuine)[number]];
  const bytes = vectorBytes(evidence);
  const options = { now: Date.parse(at), endorsements: endorsementsOf(companions), cache: new VerificationCache() };
  await verifyEvidence(bytes, options);
  const accepted: number[] = [];
  for (let bit = 0; bit < bytes.length * 8; bit += FLIP_STRIDE) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    const { claims } = await verify(flipped, options);
    if (claims !== undefined) accepted.push(bit);
  }
  expect(accepted).toEqual([]);
});
