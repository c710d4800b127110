/** Simulated SGX, SEV-SNP and vendor evidence: structurally real, verified under its own root across restarts, refused under any other. */

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectEndorsements, resolveTrust, verify } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { expectCode } from '@assay/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { detectAttester } from '../detect.ts';

const NOW = Date.UTC(2026, 10, 29, 12);
const clock = { now: () => NOW };
const statementDigest = new Uint8Array(32).fill(0xd1);
const nonce = new Uint8Array(32).fill(0x40);

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assay-simulators-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function attest(choice: string) {
  const { attester } = await detectAttester({ choice, directory, clock });
  return { attester, ...(await attester.attest({ statementDigest, nonce, channelPublicKey: null })) };
}

async function judged(evidence: object, root: string | null) {
  const bytes = utf8(JSON.stringify(evidence));
  const endorsements = collectEndorsements([{ name: 'evidence.json', bytes }]);
  const trust = root === null ? {} : { simulatedRoot: root };
  return verify(bytes, { now: NOW, endorsements, trust: { roots: resolveTrust(trust).anchors }, policy: { version: 1 } });
}

describe.each([
  ['simulated-sgx', 'sgx', 'sgx', 'simulated-sgx-root'],
  ['simulated-sev', 'sev_snp', 'sev-snp', 'simulated-sev-root'],
  ['simulated-vendor', 'vendor', 'vendor-commitment', 'simulated-vendor-root'],
])('%s', (choice, teeType, evidenceType, file) => {
  it('verifies under its own root, marked simulated, with the statement in its report data', async () => {
    const made = await attest(choice);
    expect([made.teeType, made.evidenceType, made.attester.simulated]).toEqual([teeType, evidenceType, true]);
    const root = await readFile(join(directory, `${file}.pem`), 'utf8');
    expect(made.attester.rootCertificate).toBe(root);
    const { claims, error } = await judged(made.evidence, root);
    expect(claims, error?.message).toMatchObject({ type: evidenceType, simulated: true });
    expect(claims?.bindings.reportData?.startsWith(encodeHex(statementDigest))).toBe(true);
  });

  it('is not authentic without its root', async () => {
    expect(await judged((await attest(choice)).evidence, null)).toMatchObject({ outcome: 'not-authentic' });
  });

  it('keeps its root over a restart, in a file of its own', async () => {
    const first = await attest(choice);
    const second = await attest(choice);
    expect((await judged(second.evidence, first.attester.rootCertificate ?? '')).claims).toMatchObject({ simulated: true });
    expect((await stat(join(directory, `${file}-key.pem`))).mode & 0o077).toBe(0);
    await writeFile(join(directory, `${file}-key.pem`), 'nothing');
    await expectCode(attest(choice), 'attester/simulated-root-broken');
  });
});

it('are never found by themselves', async () => {
  const { attester } = await detectAttester({ choice: 'auto', directory, clock });
  expect(attester.name).toBe('simulated');
});

describe('a vendor', () => {
  it('attests with its key, and is accepted by those who name it', async () => {
    const keyFile = join(directory, 'vendor.pem');
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    const pem = (label: string, der: ArrayBuffer): string =>
      `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`;
    await writeFile(keyFile, pem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', pair.privateKey)));
    const vendor = { keyFile, name: 'Acme' };
    const { attester } = await detectAttester({ choice: 'vendor', directory, clock, vendor });
    const { evidence, teeType } = await attester.attest({ statementDigest, nonce, channelPublicKey: null });
    expect([attester.simulated, teeType]).toEqual([false, 'vendor']);
    const roots = resolveTrust({ roots: [pem('PUBLIC KEY', await crypto.subtle.exportKey('spki', pair.publicKey))] }).anchors;
    const result = await verify(utf8(JSON.stringify(evidence)), { now: NOW, trust: { roots }, policy: { version: 1 } });
    expect(result.claims).toMatchObject({ type: 'vendor-commitment', simulated: false, identity: { vendor: 'Acme' } });
  });

  it('without a usable key does not start', async () => {
    await expectCode(detectAttester({ choice: 'vendor', directory, clock }), 'attester/unavailable');
    const keyFile = join(directory, 'none.pem');
    await expectCode(
      detectAttester({ choice: 'vendor', directory, clock, vendor: { keyFile, name: 'x' } }),
      'config/unreadable',
    );
  });
});

it.each(['simulated-sgx', 'simulated-sev'])('%s issues certificates again before they end', async (choice) => {
  let now = NOW;
  const { attester } = await detectAttester({ choice, directory, clock: { now: () => now } });
  const certificates = async (): Promise<string> => {
    const { evidence } = await attester.attest({ statementDigest, nonce, channelPublicKey: null });
    const { collateral, certificates: chain } = evidence as { readonly collateral?: object; readonly certificates?: string };
    return JSON.stringify(collateral ?? chain);
  };
  const first = await certificates();
  expect(await certificates()).toBe(first);
  now += 11 * 3_600_000;
  expect(await certificates()).toBe(first);
  now += 2 * 3_600_000;
  expect(await certificates()).not.toBe(first);
});
