/** Every NVIDIA vector of ../shared/vectors: devices, reference manifests, evidence lists. */

import { type NamedClaims, VerificationCache, type VerifyOptions, verify, verifyEvidence } from '@assay/attestation';
import { describe, expect, test } from 'vitest';
import { casesOf, endorsementsOf, haveVectors, vectorBytes } from './vectors.ts';

/** `npm run vectors` flips every bit, `npm test` a sample. */
const FLIP_STRIDE = process.env.ASSAY_EVERY_BIT === '1' ? 1 : 997;
const devices = casesOf('nvidia-gpu');
const genuine = devices.filter(({ expect: wanted }) => wanted.verdict === 'signature-and-chain-valid');
const bad = devices.filter(({ expect: wanted }) => wanted.verdict.startsWith('invalid'));
const manifests = casesOf('nvidia-rim');
const outcomes = (checks: readonly { readonly id: string; readonly outcome: string }[], id: string) =>
  checks.filter((check) => check.id === id).map(({ outcome }) => outcome);

describe.skipIf(!haveVectors)('nvidia device vectors', () => {
  test('the manifest holds 15 genuine, 4 bad and one that differs from its reference', () =>
    expect([genuine.length, bad.length, devices.length]).toEqual([15, 4, 20]));

  test.each(genuine)('$id is authentic', async ({ evidence, companions, at, expect: wanted }) => {
    const claims: NamedClaims = await verifyEvidence(vectorBytes(evidence), {
      now: Date.parse(at),
      endorsements: endorsementsOf(companions),
    });
    const isSwitch = wanted.arch === 'LS10';
    expect(claims.type).toBe(isSwitch ? 'nvidia-switch' : 'nvidia-gpu');
    expect(claims.bindings.nonce).toBe(wanted.nonce);
    expect(claims.identity.architecture).toBe(wanted.arch);
    expect(claims.identity['driver-version'] ?? '').toBe(wanted.driver);
    expect(Object.keys(claims.measurements)).toHaveLength(wanted.measurement_blocks);
    expect(claims.details.padding).toBe(wanted.trailing_bytes_after_signature);
    expect(claims.checks.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
    expect(outcomes(claims.checks, 'nvidia.cpu-binding')).toEqual(['not-checked']);
    const { driver_rim, vbios_rim } = companions ?? {};
    expect(outcomes(claims.checks, 'nvidia.rim-vbios-measurements')).toEqual([
      vbios_rim === undefined ? 'not-checked' : 'pass',
    ]);
    if (isSwitch) return;
    expect(outcomes(claims.checks, 'nvidia.rim-driver-measurements')).toEqual([
      driver_rim === undefined ? 'not-checked' : 'pass',
    ]);
    expect(claims.debug).toBe(driver_rim !== undefined && vbios_rim !== undefined ? false : null);
  });

  test.each(bad)('$id is not authentic: $expect.verdict', async ({ evidence, companions, at }) => {
    const { outcome } = await verify(vectorBytes(evidence), { now: Date.parse(at), endorsements: endorsementsOf(companions) });
    expect(outcome).toBe('not-authentic');
  });

  test('nvidia-golden-mismatch is authentic and refused, with the index named', async () => {
    const [found] = devices.filter(({ id }) => id === 'nvidia-golden-mismatch');
    if (found === undefined) throw new Error('expected the case nvidia-golden-mismatch in the manifest');
    const endorsements = endorsementsOf(found.companions);
    const { outcome, claims } = await verify(vectorBytes(found.evidence), { now: Date.parse(found.at), endorsements });
    expect(outcome).toBe('refused');
    expect(claims?.checks.find(({ id }) => id === 'nvidia.rim-vbios-measurements')).toMatchObject({
      outcome: 'fail',
      actual: '11 of 12 match; different at index 9',
    });
  });
});

describe.skipIf(!haveVectors)('nvidia evidence lists', () => {
  const now = Date.parse('2026-06-10T00:00:00Z');

  test.each(['sdk-hopper-590_12', 'veraison-blackwell'])('%s holds one device', async (name) => {
    const claims: NamedClaims = await verifyEvidence(vectorBytes(`nvidia/${name}.evidence.json`), { now });
    expect(claims.submodules).toEqual({});
    expect(outcomes(claims.checks, 'nvidia.declared-nonce')).toEqual(['pass']);
  });

  test('sdk-multi-gpu-hopper holds four different GPUs under one nonce', async () => {
    const claims: NamedClaims = await verifyEvidence(vectorBytes('nvidia/sdk-multi-gpu-hopper.evidence.json'), { now });
    expect(Object.keys(claims.submodules)).toEqual(['gpu-0', 'gpu-1', 'gpu-2', 'gpu-3']);
    expect(outcomes(claims.checks, 'nvidia.distinct-devices')).toEqual(['pass']);
    expect(outcomes(claims.checks, 'nvidia.common-nonce')).toEqual(['pass']);
  });
});

describe.skipIf(!haveVectors)('nvidia manifest vectors', () => {
  test.each(manifests)('$id: $expect.verdict', async ({ evidence, at, expect: wanted }) => {
    const { outcome, claims, error } = await verify(vectorBytes(evidence), { now: Date.parse(at) });
    if (wanted.verdict === 'invalid') {
      expect([outcome, error?.code]).toEqual([
        'not-authentic',
        wanted.detail.includes('digest') ? 'nvidia/rim-digest-mismatch' : 'nvidia/rim-signature-invalid',
      ]);
      return;
    }
    expect(error).toBeUndefined();
    expect(claims).toMatchObject({
      identity: { product: wanted.product, version: wanted.version },
      details: { activeMeasurements: wanted.active_measurements },
    });
  });

  test.each(manifests.filter(({ expect: wanted }) => wanted.verdict === 'valid'))('$id has an end', async ({ evidence }) => {
    const { error } = await verify(vectorBytes(evidence), { now: Date.parse('2035-01-01T00:00:00Z') });
    expect(error?.code).toBe('certificate/expired');
  });
});

describe.skipIf(!haveVectors)('one-bit flips are refused', () => {
  test('of genuine measurements', async () => {
    const [{ evidence, companions, at }] = genuine as [(typeof genuine)[number]];
    const endorsements = endorsementsOf(companions);
    const bytes = vectorBytes(evidence);
    expect(await acceptedFlips(bytes, bytes.length, FLIP_STRIDE, { now: Date.parse(at), endorsements })).toEqual([]);
  });

  // Every 31st bit: reading a manifest takes milliseconds. rim.test.ts flips every bit of a smaller one.
  test('of a genuine manifest, outside its certificates', async () => {
    const [{ evidence, at }] = manifests as [(typeof manifests)[number]];
    const bytes = vectorBytes(evidence);
    const end = new TextDecoder().decode(bytes).indexOf('<ds:KeyInfo>');
    expect(end).toBeGreaterThan(0);
    expect(await acceptedFlips(bytes, end, 31 * FLIP_STRIDE, { now: Date.parse(at) })).toEqual([]);
  });
});

/** Bits among the first `length` bytes whose flip leaves the evidence authentic. */
async function acceptedFlips(
  bytes: Uint8Array,
  length: number,
  stride: number,
  options: VerifyOptions,
): Promise<readonly number[]> {
  const cache = new VerificationCache();
  await verifyEvidence(bytes, { ...options, cache });
  const accepted: number[] = [];
  for (let bit = 0; bit < length * 8; bit += stride) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    const { claims } = await verify(flipped, { ...options, cache });
    if (claims !== undefined) accepted.push(bit);
  }
  return accepted;
}
