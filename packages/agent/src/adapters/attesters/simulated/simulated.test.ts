import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NamedClaims, recogniseEvidence, trustAnchor, verifyEvidence } from '@assay/attestation';
import { decodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import { decodePem } from '@assay/encoding/pem';
import { expectCode } from '@assay/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimulatedAttester } from './simulated.ts';

const NOW = Date.UTC(2026, 10, 20, 12);
const HOUR = 3_600_000;
const digest = new Uint8Array(32).fill(0xd1);
const nonce = new Uint8Array(32).fill(0x40);
const channelPublicKey = new Uint8Array(91).fill(0x30);

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assay-simulated-'));
});
afterEach(() => rm(directory, { recursive: true }));

const documentOf = (evidence: Readonly<Record<string, unknown>>): Uint8Array => decodeBase64(String(evidence.document));

describe('the simulated attester', () => {
  it('makes evidence that verifies under its own root and reads simulated', async () => {
    const attester = await createSimulatedAttester({ directory, clock: { now: () => NOW } });
    const { teeType, evidenceType, evidence } = await attester.attest({ statementDigest: digest, nonce, channelPublicKey });
    expect([teeType, evidenceType, attester.simulated, evidence.simulated]).toEqual(['nitro', 'nitro', true, true]);
    const [pem] = decodePem(await readFile(join(directory, 'simulated-root.pem'), 'utf8'));
    const anchor = trustAnchor('simulator', pem?.der ?? new Uint8Array(0), { simulated: true });
    const claims: NamedClaims = await verifyEvidence(documentOf(evidence), { now: NOW, trust: { roots: [anchor] } });
    expect(claims).toMatchObject({ type: 'nitro', simulated: true, debug: false, issuedAt: NOW });
    expect(claims.bindings).toEqual({
      reportData: null,
      userData: encodeHex(digest),
      nonce: encodeHex(nonce),
      publicKey: encodeHex(channelPublicKey),
    });
    expect(claims.identity['module-id']).toMatch(/^simulated-[0-9a-f]{16}-enc[0-9a-f]{16}$/);
  });

  it('is refused by a verifier that was not given the root', async () => {
    const attester = await createSimulatedAttester({ directory, clock: { now: () => NOW } });
    const { evidence } = await attester.attest({ statementDigest: digest, nonce: null, channelPublicKey: null });
    expect(recogniseEvidence(documentOf(evidence)).type).toBe('nitro');
    await expectCode(verifyEvidence(documentOf(evidence), { now: NOW }), 'certificate/root-not-trusted');
  });

  it('keeps its root across starts, its key private, and measures the same code alike', async () => {
    const first = await createSimulatedAttester({ directory, clock: { now: () => NOW } });
    const second = await createSimulatedAttester({ directory, clock: { now: () => NOW } });
    expect(second.rootCertificate).toBe(first.rootCertificate);
    expect(second.moduleId).not.toBe(first.moduleId);
    expect((await stat(join(directory, 'simulated-root-key.pem'))).mode & 0o777).toBe(0o600);
    const anchor = trustAnchor('simulator', decodePem(first.rootCertificate)[0]?.der ?? digest, { simulated: true });
    const pcrs = [];
    for (const attester of [first, second]) {
      const { evidence } = await attester.attest({ statementDigest: digest, nonce, channelPublicKey: null });
      const claims: NamedClaims = await verifyEvidence(documentOf(evidence), { now: NOW, trust: { roots: [anchor] } });
      pcrs.push(claims.measurements);
    }
    expect(pcrs[1]).toEqual(pcrs[0]);
    for (const name of ['pcr0', 'pcr1', 'pcr2']) expect(pcrs[0]?.[name]).not.toMatch(/^0*$/);
  });

  it('renews its leaf before three hours are over', async () => {
    let now = NOW;
    const attester = await createSimulatedAttester({ directory, clock: { now: () => now } });
    const anchor = trustAnchor('simulator', decodePem(attester.rootCertificate)[0]?.der ?? digest, { simulated: true });
    await attester.attest({ statementDigest: digest, nonce, channelPublicKey: null });
    now += 40 * HOUR;
    const { evidence } = await attester.attest({ statementDigest: digest, nonce, channelPublicKey: null });
    await verifyEvidence(documentOf(evidence), { now, trust: { roots: [anchor] } });
  });

  it.each([
    ['a short digest', { statementDigest: digest.subarray(1), nonce, channelPublicKey: null }],
    ['a long nonce', { statementDigest: digest, nonce: new Uint8Array(33), channelPublicKey: null }],
  ])('refuses %s', async (_, request) => {
    const attester = await createSimulatedAttester({ directory });
    await expectCode(attester.attest(request), 'attester/bad-request');
  });

  it.each(['simulated-root.pem', 'simulated-root-key.pem'])('does not replace a lost or foreign %s', async (file) => {
    await createSimulatedAttester({ directory });
    const kept = await readFile(join(directory, file));
    await rm(join(directory, file));
    await expectCode(createSimulatedAttester({ directory }), 'attester/simulated-root-broken');
    const other = await mkdtemp(join(tmpdir(), 'assay-simulated-'));
    await createSimulatedAttester({ directory: other });
    await writeFile(join(directory, file), await readFile(join(other, file)));
    await rm(other, { recursive: true });
    await expectCode(createSimulatedAttester({ directory }), 'attester/simulated-root-broken');
    await writeFile(join(directory, file), kept);
    await createSimulatedAttester({ directory });
  });
});
