/** A part of the verifier that cannot be loaded is an `unavailable` result with a code, wherever in the verification it is missed. */

import { globSync, readFileSync } from 'node:fs';
import { loadedPart } from '@assay/encoding/loaded-part';
import { expectRefusal, FAKE_NOW, fakeCertificate, fakeDcap, fakeDevice, fakeKey, fakeToken } from '@assay/testing';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type VerificationOptions, verify } from './verify.ts';

/** After the imports above, which load some of it: only what the verifier asks for from now on is missing. */
beforeAll(() => {
  const absent = () => {
    throw new TypeError('Failed to fetch dynamically imported module');
  };
  vi.doMock('./evidence/carriers/certificate-key-check.ts', absent);
  vi.doMock('./verifier/nvidia/nvidia-evidence.ts', absent);
  vi.doMock('./verifier/token/token-evidence.ts', absent);
});

interface Subject extends VerificationOptions {
  readonly file: Uint8Array;
}

async function inCertificate(): Promise<Subject> {
  const { quote, now, endorsements, anchors } = await fakeDcap();
  const key = await fakeKey('P-256', 'ra-tls');
  const extension = { oid: '1.2.840.113741.1337.6', critical: false, value: quote };
  const { der } = await fakeCertificate({ name: 'RATLS', key, extensions: [extension] });
  return { file: der, now, endorsements, trust: { roots: anchors } };
}

describe('evidence whose part cannot be loaded', () => {
  test.each<readonly [string, () => Promise<Subject>]>([
    ['the key of a certificate around a quote', inCertificate],
    ['a GPU', async () => ({ file: (await fakeDevice()).spdm, now: FAKE_NOW })],
    ['a token', async () => ({ file: (await fakeToken('google', {})).file, now: FAKE_NOW })],
  ])('%s', async (_, make) => {
    const { file, ...question } = await make();
    const { outcome, error } = await verify(file, question);
    expect([outcome, error?.code]).toEqual(['unavailable', 'part/unavailable']);
  });
});

test('says what could not be loaded, and keeps the cause', async () => {
  const cause = new TypeError('Failed to fetch');
  const loading = loadedPart('tokens', () => Promise.reject(cause));
  await expectRefusal(loading, 'part/unavailable', ['tokens', 'load the page again']);
  await expect(loading).rejects.toMatchObject({ kind: 'unavailable', cause });
});

test('no part is loaded in another way', () => {
  const sources = globSync('**/*.ts', { cwd: import.meta.dirname }).filter((path) => !path.endsWith('.test.ts'));
  const bare = sources.filter((path) => /(?<!=> )\bimport\('/.test(readFileSync(`${import.meta.dirname}/${path}`, 'utf8')));
  expect(sources.length).toBeGreaterThan(100);
  expect(bare).toEqual([]);
});
