/** AMD 56860 §7.3 and 57230: one defect each against a sound report of a fake hierarchy, and the code that names it. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { DER_TAG, encodeDer, encodeDerUnsigned } from '@assay/encoding/der';
import {
  certificatesOf,
  expectCode,
  FAKE_NOW,
  type FakeSnp,
  fakeCertificateTable,
  fakeCrl,
  fakeKey,
  fakeSnp,
  verifyFakeSnp,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { ATTESTATION_ERROR_KINDS } from '../../errors.ts';
import { snpVerifier } from './snp.ts';

const VCEK_GUID = '63da758de6644564adc5f4b93be8accd';

const DEFECTS: readonly { readonly name: string; readonly code: string; readonly run: () => Promise<unknown> }[] = [
  { name: 'version 9', code: 'snp/version-unsupported', run: async () => verifyFakeSnp(await fakeSnp({ version: 9 })) },
  { name: 'version 1', code: 'snp/version-unsupported', run: async () => verifyFakeSnp(await fakeSnp({ version: 1 })) },
  {
    name: 'signature algorithm 0',
    code: 'snp/signature-algorithm-unsupported',
    run: async () => verifyFakeSnp(await fakeSnp({ edit: (_, view) => view.setUint32(0x34, 0, true) })),
  },
  {
    name: 'reserved signing key 3',
    code: 'snp/malformed',
    run: async () => verifyFakeSnp(await fakeSnp({ edit: (_, view) => view.setUint32(0x48, 3 << 2, true) })),
  },
  {
    name: 'a byte after the signature',
    code: 'snp/malformed',
    run: async () => verifyFakeSnp(await fakeSnp({ editSigned: (report) => report.fill(1, 1183) })),
  },
  {
    name: 'r wider than 384 bits',
    code: 'snp/malformed',
    run: async () => verifyFakeSnp(await fakeSnp({ editSigned: (report) => report.fill(1, 0x2a0 + 48, 0x2a0 + 49) })),
  },
  {
    name: 'host says it signs with no key',
    code: 'snp/unsigned',
    run: async () => verifyFakeSnp(await fakeSnp({ edit: (_, view) => view.setUint32(0x48, 7 << 2, true) })),
  },
  {
    name: 'masked chip key writes no signature',
    code: 'snp/unsigned',
    run: async () =>
      verifyFakeSnp(
        await fakeSnp({ edit: (_, view) => view.setUint32(0x48, 2, true), editSigned: (report) => report.fill(0, 0x2a0) }),
      ),
  },
  {
    name: 'no key',
    code: 'snp/endorsement-key-missing',
    run: async () => verifyFakeSnp(await fakeSnp(), { endorsements: [] }),
  },
  {
    name: 'a vlek for a report signed by a vcek',
    code: 'snp/endorsement-key-missing',
    run: async () =>
      verifyFakeSnp(await fakeSnp(), { endorsements: certificatesOf([(await fakeSnp({ signingKey: 'vlek' })).key]) }),
  },
  {
    name: 'key of another chip',
    code: 'snp/chip-id-mismatch',
    run: async () => verifyFakeSnp(await fakeSnp({ extensions: { '4': new Uint8Array(64).fill(9) } })),
  },
  {
    name: 'turin chip id with a tail',
    code: 'snp/chip-id-mismatch',
    run: async () => verifyFakeSnp(await fakeSnp({ product: 'Turin', edit: (report) => report.fill(1, 0x1b0, 0x1b1) })),
  },
  {
    name: 'key of another tcb',
    code: 'snp/tcb-mismatch',
    run: async () => verifyFakeSnp(await fakeSnp({ extensions: { '3.8': encodeDerUnsigned(Uint8Array.of(83)) } })),
  },
  {
    name: 'key with a reserved level that the report lacks',
    code: 'snp/tcb-mismatch',
    run: async () => verifyFakeSnp(await fakeSnp({ extensions: { '3.6': encodeDerUnsigned(Uint8Array.of(1)) } })),
  },
  {
    name: 'milan cpuid, genoa key',
    code: 'snp/product-mismatch',
    run: async () => verifyFakeSnp(await fakeSnp({ edit: (report) => report.set([0x19, 0x01, 1], 0x188) })),
  },
  {
    name: 'unknown cpuid',
    code: 'snp/product-unknown',
    run: async () => verifyFakeSnp(await fakeSnp({ edit: (report) => report.set([0x17, 0x31, 0], 0x188) })),
  },
  {
    name: 'unknown product name',
    code: 'snp/product-unknown',
    run: async () => verifyFakeSnp(await fakeSnp({ extensions: { '2': encodeDer(DER_TAG.ia5String, utf8('Naples')) } })),
  },
  {
    name: 'key without a product',
    code: 'snp/endorsement-key-malformed',
    run: async () => verifyFakeSnp(await fakeSnp({ extensions: { '2': null } })),
  },
  {
    name: 'key without the snp level',
    code: 'snp/endorsement-key-malformed',
    run: async () => verifyFakeSnp(await fakeSnp({ extensions: { '3.3': null } })),
  },
  {
    name: 'key without chip or provider',
    code: 'snp/endorsement-key-malformed',
    run: async () => verifyFakeSnp(await fakeSnp({ extensions: { '4': null } })),
  },
  {
    name: 'key with chip and provider',
    code: 'snp/endorsement-key-malformed',
    run: async () => verifyFakeSnp(await fakeSnp({ extensions: { '5': encodeDer(DER_TAG.ia5String, utf8('CN=cloud')) } })),
  },
  {
    name: 'chip id of 63 bytes',
    code: 'snp/endorsement-key-malformed',
    run: async () => verifyFakeSnp(await fakeSnp({ extensions: { '4': new Uint8Array(63) } })),
  },
  {
    name: 'level 256',
    code: 'snp/endorsement-key-malformed',
    run: async () => verifyFakeSnp(await fakeSnp({ extensions: { '3.1': encodeDerUnsigned(Uint8Array.of(1, 0)) } })),
  },
  {
    name: 'key named like a ca',
    code: 'snp/endorsement-key-malformed',
    run: async () => verifyFakeSnp(await fakeSnp({ keyName: 'SEV-Genoa' })),
  },
  {
    name: 'key on p-256',
    code: 'snp/endorsement-key-malformed',
    run: async () => verifyFakeSnp(await fakeSnp({ keyKind: 'P-256' })),
  },
  {
    name: 'report signed by another key',
    code: 'snp/signature-invalid',
    run: async () => verifyFakeSnp(await fakeSnp({ signer: await fakeKey('P-384', 'stranger') })),
  },
  {
    name: 'key certificate not by its issuer',
    code: 'certificate/signature-invalid',
    run: async () => verifyFakeSnp(await fakeSnp({ breakKeyCertificate: true })),
  },
  {
    name: 'key not yet in force',
    code: 'certificate/not-yet-valid',
    run: async () => verifyFakeSnp(await fakeSnp({ keyNotBefore: FAKE_NOW + 1000 })),
  },
  {
    name: 'key expired',
    code: 'certificate/expired',
    run: async () => verifyFakeSnp(await fakeSnp({ keyNotAfter: FAKE_NOW - 1000 })),
  },
  {
    name: 'a hierarchy nobody pinned',
    code: 'certificate/root-not-trusted',
    run: async () => {
      const fake = await fakeSnp();
      return snpVerifier.verify(snpVerifier.recognise(fake.report)!, {
        now: FAKE_NOW,
        endorsements: certificatesOf(fake.chain),
      });
    },
  },
  {
    name: 'genoa key with a milan chain',
    code: 'snp/certificate-chain-mismatch',
    run: async () => {
      const [genoa, milan] = await Promise.all([fakeSnp(), fakeSnp({ product: 'Milan' })]);
      return verifyFakeSnp(genoa, { endorsements: certificatesOf([genoa.key, milan.intermediate.der, milan.root.der]) });
    },
  },
  {
    name: 'genoa chain with a milan root beside it only',
    code: 'snp/certificate-chain-mismatch',
    run: async () => {
      const [genoa, milan] = await Promise.all([fakeSnp(), fakeSnp({ product: 'Milan' })]);
      return verifyFakeSnp(genoa, { endorsements: certificatesOf([genoa.key, genoa.intermediate.der, milan.root.der]) });
    },
  },
  {
    name: 'ask revoked by the root',
    code: 'certificate/revoked',
    run: async () => {
      const fake = await fakeSnp();
      const crl = await fakeCrl({ issuer: fake.root, revoked: [Uint8Array.of(2)] });
      return verifyFakeSnp(fake, { endorsements: [...certificatesOf(fake.chain), { kind: 'crl', der: crl }] });
    },
  },
  {
    name: 'crl of the root signed by a stranger',
    code: 'certificate/crl-signature-invalid',
    run: async () => {
      const fake = await fakeSnp();
      const crl = await fakeCrl({ issuer: fake.root, signer: await fakeKey('RSA-PSS', 'stranger') });
      return verifyFakeSnp(fake, { endorsements: [...certificatesOf(fake.chain), { kind: 'crl', der: crl }] });
    },
  },
  {
    name: 'runtime data the report does not commit to',
    code: 'snp/runtime-data-unbound',
    run: async () => {
      const { fake, file } = await hclReport(utf8('{"keys":[]}'), utf8('{"keys":[1]}'));
      return verifyFakeSnp(fake, { file });
    },
  },
  {
    name: 'table entry outside the file',
    code: 'snp/certificate-table-malformed',
    run: async () => {
      const fake = await fakeSnp();
      const table = fakeCertificateTable([[VCEK_GUID, fake.key]]);
      return verifyFakeSnp(fake, { file: concatBytes(fake.report, table.subarray(0, table.length - 1)) });
    },
  },
  {
    name: 'table without an end',
    code: 'snp/certificate-table-malformed',
    run: async () => {
      const fake = await fakeSnp();
      return verifyFakeSnp(fake, {
        file: concatBytes(
          fake.report,
          new Uint8Array(24 * 70).fill(0).map((_, at) => (at % 24 === 0 ? 1 : 0)),
        ),
      });
    },
  },
  {
    name: 'a genuine key and no report',
    code: 'snp/report-missing',
    run: async () => {
      const fake = await fakeSnp();
      return verifyFakeSnp(fake, { file: fake.key });
    },
  },
  {
    name: 'a forged key and no report',
    code: 'certificate/signature-invalid',
    run: async () => {
      const fake = await fakeSnp({ breakKeyCertificate: true });
      return verifyFakeSnp(fake, { file: fake.key });
    },
  },
];

describe('one defect each', () => {
  test.each(DEFECTS)('$name: $code', async ({ code, run }) => {
    await expectCode(run, code);
  });

  test('every snp code is refused at least once', () => {
    const tested = new Set(DEFECTS.map(({ code }) => code));
    const codes = Object.keys(ATTESTATION_ERROR_KINDS).filter((code) => code.startsWith('snp/'));
    expect(codes.filter((code) => !tested.has(code))).toEqual([]);
  });
});

async function hclReport(hashed: Uint8Array, carried: Uint8Array): Promise<{ fake: FakeSnp; file: Uint8Array }> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(hashed)));
  const fake = await fakeSnp({ edit: (report) => report.fill(0, 0x50, 0x90).set(digest, 0x50) });
  const header = new Uint8Array(32);
  header.set(utf8('HCLA'));
  const tail = new Uint8Array(20);
  const view = new DataView(tail.buffer);
  [20 + carried.length, 1, 2, 1, carried.length].forEach((value, at) => {
    view.setUint32(4 * at, value, true);
  });
  return { fake, file: concatBytes(header, fake.report, tail, carried) };
}
