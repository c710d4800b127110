/**
 * A product, module or version that this verifier does not know is no forgery: it cannot tell, names the value, and accepts nothing.
 */

import { utf8 } from '@assay/encoding/bytes';
import {
  certificatesOf,
  FAKE_NOW,
  fakeDcap,
  fakeDevice,
  fakeNitroDocument,
  fakeSnp,
  fakeTpmQuote,
  verifyFakeDevice,
} from '@assay/testing';
import { expect, test } from 'vitest';
import type { VerifyOptions } from './model/verification.ts';
import { verify } from './verify.ts';

type Case = readonly [name: string, code: string, words: string, evidence: () => Promise<readonly [Uint8Array, VerifyOptions]>];

async function snp(options: Parameters<typeof fakeSnp>[0]): Promise<readonly [Uint8Array, VerifyOptions]> {
  const { report, chain, anchor } = await fakeSnp(options);
  return [report, { now: FAKE_NOW, endorsements: certificatesOf(chain), trust: { roots: [anchor] } }];
}

async function dcap(options: Parameters<typeof fakeDcap>[0]): Promise<readonly [Uint8Array, VerifyOptions]> {
  const { quote, endorsements, anchors, now } = await fakeDcap(options);
  return [quote, { now, endorsements, trust: { roots: anchors } }];
}

async function gpu(options: Parameters<typeof fakeDevice>[0]): Promise<readonly [Uint8Array, VerifyOptions]> {
  const { entry, anchor } = await fakeDevice(options);
  return [utf8(JSON.stringify([entry])), { now: FAKE_NOW, trust: { roots: [anchor] } }];
}

const cpuid = (family: number, model: number) => (report: Uint8Array) => report.set([family, model, 0], 0x188);

const CASES: readonly Case[] = [
  ['a newer SNP report', 'snp/version-unsupported', 'got 6', () => snp({ version: 6 })],
  ['an SNP processor of a newer family', 'snp/product-unknown', 'family 0x1b model 0x2', () => snp({ edit: cpuid(0x1b, 2) })],
  [
    'an SNP processor of a newer model',
    'snp/product-unknown',
    'family 0x1a model 0x50',
    () => snp({ edit: cpuid(0x1a, 0x50) }),
  ],
  [
    'an SNP key of a newer kind',
    'snp/version-unsupported',
    'got 2',
    () => snp({ edit: (_, view) => view.setUint32(0x48, 2 << 2, true) }),
  ],
  ['a newer TDX quote', 'dcap/version-unsupported', 'got 6', () => dcap({ header: (header) => header.set([6], 0) })],
  [
    'a newer SGX quote',
    'dcap/version-unsupported',
    'got 7',
    () => dcap({ tee: 'sgx', header: (header) => header.set([7], 0) }),
  ],
  ['a quote of a newer TEE', 'dcap/tee-type-unsupported', '0x82', () => dcap({ header: (header) => header.set([0x82], 4) })],
  ['a quote with a newer key', 'dcap/key-type-unsupported', 'got 4', () => dcap({ header: (header) => header.set([4], 2) })],
  ['a newer TDX module', 'dcap/tdx-module-unknown', 'version 9', () => dcap({ body: (body) => body.set([9], 1) })],
  ['a newer SPDM version', 'nvidia/version-unsupported', '0x13', () => gpu({ edit: (signed) => signed.with(0, 0x13) })],
  [
    'a newer digest of a Nitro document',
    'nitro/digest-unsupported',
    'SHA512',
    async () => {
      const { document, anchor } = await fakeNitroDocument({ fields: { digest: 'SHA512' } });
      return [document, { now: FAKE_NOW, trust: { roots: [anchor] } }];
    },
  ],
  [
    'a TPM signature of a newer scheme',
    'tpm/algorithm-unsupported',
    '0x1b',
    async () => {
      const { document, chain } = await fakeTpmQuote({ editSignature: (bytes) => bytes.with(1, 0x1b) });
      return [utf8(JSON.stringify(document)), { now: FAKE_NOW, trust: { roots: [chain.anchor] } }];
    },
  ],
];

test.each(CASES)('%s cannot be told', async (_, code, words, evidence) => {
  const [file, options] = await evidence();
  const { outcome, error, claims } = await verify(file, options);
  expect([outcome, error?.code, claims]).toEqual(['unavailable', code, undefined]);
  expect(error?.message).toContain(words);
});

test('versioned opaque data of a newer driver cannot be told', async () => {
  const header = new Uint8Array([...utf8('NVDAOD'), 0, 0, 2, 1, 0, 0]);
  const device = await fakeDevice();
  const { parseOpaque } = await import('./evidence/nvidia/opaque.ts');
  expect(() => parseOpaque(header)).toThrow(
    expect.objectContaining({ code: 'nvidia/version-unsupported', kind: 'unavailable' }),
  );
  expect((await verifyFakeDevice(device)).type).toBe('nvidia-gpu');
});
