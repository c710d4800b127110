/** AMD 56860 §7.3 and 57230: one defect each against a sound report of a fake hierarchy, then every one-bit flip of what is signed. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { DER_TAG, encodeDer, encodeDerUnsigned } from '@assay/encoding/der';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import {
  expectCode,
  FAKE_NOW,
  type FakeSnp,
  type FakeSnpOptions,
  fakeCertificateTable,
  fakeCrl,
  fakeKey,
  fakeSnp,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { ATTESTATION_ERROR_KINDS } from '../../errors.ts';
import type { VerifiedClaims } from '../../model/claims.ts';
import type { Endorsements } from '../../model/endorsements.ts';
import { snpVerifier } from './snp.ts';

const VCEK_GUID = '63da758de6644564adc5f4b93be8accd';
const ASK_GUID = '4ab7b379bbac4fe4a02f05aef327c782';

interface Attempt {
  readonly file?: Uint8Array;
  readonly endorsements?: Endorsements;
  readonly now?: number;
}

function certificates(...ders: readonly Uint8Array[]): Endorsements {
  return ders.map((der) => ({ kind: 'certificate', der }));
}

async function verify(fake: FakeSnp, attempt: Attempt = {}): Promise<VerifiedClaims> {
  const evidence = snpVerifier.recognise(attempt.file ?? fake.report);
  if (evidence === null) throw new Error('expected snp evidence, got null');
  return snpVerifier.verify(evidence, {
    now: attempt.now ?? FAKE_NOW,
    endorsements: attempt.endorsements ?? certificates(...fake.chain),
    additionalAnchors: [fake.anchor],
  });
}

function outcome(claims: VerifiedClaims, id: string): string | undefined {
  return claims.checks.find((check) => check.id === id)?.outcome;
}

describe('sound reports', () => {
  test.each<{ name: string; options: FakeSnpOptions }>([
    { name: 'milan v2', options: { product: 'Milan', version: 2 } },
    { name: 'milan v3', options: { product: 'Milan', version: 3 } },
    { name: 'genoa v3', options: { version: 3 } },
    { name: 'genoa v4', options: { version: 4 } },
    { name: 'genoa v5', options: {} },
    { name: 'turin v5, 8-byte chip id and fmc level', options: { product: 'Turin' } },
    { name: 'milan vlek', options: { product: 'Milan', version: 3, signingKey: 'vlek' } },
    { name: 'zen 4c endorsed by genoa', options: { edit: (report) => report.set([0x19, 0xa0, 2], 0x188) } },
    { name: 'bergamo by name', options: { extensions: { '2': encodeDer(DER_TAG.ia5String, utf8('Bergamo-A0')) } } },
    { name: 'chip id wrapped in an octet string', options: { extensions: { '4': encodeDer(DER_TAG.octetString, chip()) } } },
  ])('$name', async ({ options }) => {
    const claims = await verify(await fakeSnp(options));
    expect(claims.simulated).toBe(true);
    expect(claims.debug).toBe(false);
    expect(claims.checks.filter((check) => check.outcome === 'fail')).toEqual([]);
    expect(claims.bindings.reportData).toBe('da'.repeat(64));
    expect(claims.measurements.measurement).toBe('3e'.repeat(48));
    expect(JSON.parse(JSON.stringify(claims.details))).toEqual(claims.details);
  });

  test('debug policy is data', async () => {
    const claims = await verify(await fakeSnp({ edit: (_, view) => view.setBigUint64(8, 0xb0000n, true) }));
    expect(claims.debug).toBe(true);
  });

  test('a masked chip id leaves the chip unchecked and unnamed', async () => {
    const claims = await verify(await fakeSnp({ edit: (report) => report.fill(0, 0x1a0, 0x1e0) }));
    expect(outcome(claims, 'snp.chip-id')).toBe('not-checked');
    expect(claims.identity['chip-id']).toBeUndefined();
  });

  test('version 2 names no product', async () => {
    const claims = await verify(await fakeSnp({ product: 'Milan', version: 2 }));
    expect(outcome(claims, 'snp.product')).toBe('not-checked');
    expect(claims.identity.product).toBe('Milan');
  });

  test.each([
    ['reserved bytes in use', (report: Uint8Array) => report.fill(1, 0x210, 0x211), 'snp.reserved'],
    ['policy bit 17 clear', (report: Uint8Array) => report.fill(1, 0x0a, 0x0b), 'snp.reserved'],
    ['committed tcb above current', (report: Uint8Array) => report.fill(99, 0x1e0, 0x1e1), 'snp.tcb-order'],
    ['reported tcb above current', (report: Uint8Array) => report.fill(9, 0x38, 0x39), 'snp.tcb-order'],
  ])('%s is a failed check, not an error', async (_, edit, id) => {
    expect(outcome(await verify(await fakeSnp({ edit })), id)).toBe('fail');
  });

  test('the right key is found among keys of other chips and levels', async () => {
    const [fake, otherChip, otherTcb] = await Promise.all([
      fakeSnp(),
      fakeSnp({ extensions: { '4': new Uint8Array(64).fill(9) } }),
      fakeSnp({ extensions: { '3.8': encodeDerUnsigned(Uint8Array.of(1)) } }),
    ]);
    const endorsements = certificates(otherChip.key, otherTcb.key, fake.key, fake.intermediate.der);
    expect((await verify(fake, { endorsements })).identity.product).toBe('Genoa');
  });

  test('a key made after the report is good at the time of the check', async () => {
    const fake = await fakeSnp({ keyNotBefore: FAKE_NOW - 1000 });
    expect((await verify(fake)).validity.notBefore).toBe(FAKE_NOW - 1000);
  });
});

describe('files', () => {
  test.each<{ name: string; file: (fake: FakeSnp) => Uint8Array }>([
    { name: 'hex', file: ({ report }) => utf8(`0x${encodeHex(report)}\n`) },
    { name: 'base64', file: ({ report }) => utf8(Buffer.from(report).toString('base64')) },
    { name: 'zero padding', file: ({ report }) => concatBytes(report, new Uint8Array(2912)) },
    { name: 'response header', file: ({ report }) => concatBytes(responseHeader(), report) },
  ])('$name', async ({ file }) => {
    const fake = await fakeSnp();
    expect((await verify(fake, { file: file(fake) })).type).toBe('sev-snp');
  });

  test.each<{ name: string; table: (fake: FakeSnp) => Uint8Array }>([
    {
      name: 'der',
      table: ({ key, intermediate }) =>
        fakeCertificateTable([
          [VCEK_GUID, key],
          [ASK_GUID, intermediate.der],
        ]),
    },
    {
      name: 'pem, with an unknown entry',
      table: ({ key, intermediate }) =>
        fakeCertificateTable([
          ['ff'.repeat(16), utf8('extra')],
          [VCEK_GUID, utf8(encodePem('CERTIFICATE', key) + encodePem('CERTIFICATE', intermediate.der))],
        ]),
    },
  ])('certificate table in $name carries the chain', async ({ table }) => {
    const fake = await fakeSnp();
    const claims = await verify(fake, { file: concatBytes(fake.report, table(fake)), endorsements: [] });
    expect(claims.type).toBe('sev-snp');
  });

  test('configfs-tsm json', async () => {
    const fake = await fakeSnp();
    const auxblob = fakeCertificateTable([[VCEK_GUID, fake.key]]);
    const json = { provider: 'sev_guest\n', outblob: base64(fake.report), auxblob: base64(auxblob) };
    const claims = await verify(fake, { file: utf8(JSON.stringify(json)), endorsements: certificates(fake.intermediate.der) });
    expect(claims.type).toBe('sev-snp');
  });

  test('azure runtime data bound by the report data is told', async () => {
    const runtime = utf8('{"keys":[]}');
    const { fake, file } = await hclReport(runtime, runtime);
    const claims = await verify(fake, { file });
    expect(outcome(claims, 'snp.runtime-data')).toBe('pass');
    expect(claims.details.runtimeData).toBe('{"keys":[]}');
  });

  test.each(['{"provider":"tdx_guest","outblob":"AAAA"}', '{"a":1}', 'hello', ''])('%s is something else', (text) => {
    expect(snpVerifier.recognise(utf8(text))).toBeNull();
  });
});

const DEFECTS: readonly { readonly name: string; readonly code: string; readonly run: () => Promise<unknown> }[] = [
  { name: 'version 9', code: 'snp/version-unsupported', run: async () => verify(await fakeSnp({ version: 9 })) },
  { name: 'version 1', code: 'snp/version-unsupported', run: async () => verify(await fakeSnp({ version: 1 })) },
  {
    name: 'signature algorithm 0',
    code: 'snp/signature-algorithm-unsupported',
    run: async () => verify(await fakeSnp({ edit: (_, view) => view.setUint32(0x34, 0, true) })),
  },
  {
    name: 'reserved signing key 3',
    code: 'snp/malformed',
    run: async () => verify(await fakeSnp({ edit: (_, view) => view.setUint32(0x48, 3 << 2, true) })),
  },
  {
    name: 'a byte after the signature',
    code: 'snp/malformed',
    run: async () => verify(await fakeSnp({ editSigned: (report) => report.fill(1, 1183) })),
  },
  {
    name: 'r wider than 384 bits',
    code: 'snp/malformed',
    run: async () => verify(await fakeSnp({ editSigned: (report) => report.fill(1, 0x2a0 + 48, 0x2a0 + 49) })),
  },
  {
    name: 'host says it signs with no key',
    code: 'snp/unsigned',
    run: async () => verify(await fakeSnp({ edit: (_, view) => view.setUint32(0x48, 7 << 2, true) })),
  },
  {
    name: 'masked chip key writes no signature',
    code: 'snp/unsigned',
    run: async () =>
      verify(
        await fakeSnp({ edit: (_, view) => view.setUint32(0x48, 2, true), editSigned: (report) => report.fill(0, 0x2a0) }),
      ),
  },
  { name: 'no key', code: 'snp/endorsement-key-missing', run: async () => verify(await fakeSnp(), { endorsements: [] }) },
  {
    name: 'a vlek for a report signed by a vcek',
    code: 'snp/endorsement-key-missing',
    run: async () => verify(await fakeSnp(), { endorsements: certificates((await fakeSnp({ signingKey: 'vlek' })).key) }),
  },
  {
    name: 'key of another chip',
    code: 'snp/chip-id-mismatch',
    run: async () => verify(await fakeSnp({ extensions: { '4': new Uint8Array(64).fill(9) } })),
  },
  {
    name: 'turin chip id with a tail',
    code: 'snp/chip-id-mismatch',
    run: async () => verify(await fakeSnp({ product: 'Turin', edit: (report) => report.fill(1, 0x1b0, 0x1b1) })),
  },
  {
    name: 'key of another tcb',
    code: 'snp/tcb-mismatch',
    run: async () => verify(await fakeSnp({ extensions: { '3.8': encodeDerUnsigned(Uint8Array.of(83)) } })),
  },
  {
    name: 'key with a reserved level that the report lacks',
    code: 'snp/tcb-mismatch',
    run: async () => verify(await fakeSnp({ extensions: { '3.6': encodeDerUnsigned(Uint8Array.of(1)) } })),
  },
  {
    name: 'milan cpuid, genoa key',
    code: 'snp/product-mismatch',
    run: async () => verify(await fakeSnp({ edit: (report) => report.set([0x19, 0x01, 1], 0x188) })),
  },
  {
    name: 'unknown cpuid',
    code: 'snp/product-unknown',
    run: async () => verify(await fakeSnp({ edit: (report) => report.set([0x17, 0x31, 0], 0x188) })),
  },
  {
    name: 'unknown product name',
    code: 'snp/product-unknown',
    run: async () => verify(await fakeSnp({ extensions: { '2': encodeDer(DER_TAG.ia5String, utf8('Naples')) } })),
  },
  {
    name: 'key without a product',
    code: 'snp/endorsement-key-malformed',
    run: async () => verify(await fakeSnp({ extensions: { '2': null } })),
  },
  {
    name: 'key without the snp level',
    code: 'snp/endorsement-key-malformed',
    run: async () => verify(await fakeSnp({ extensions: { '3.3': null } })),
  },
  {
    name: 'key without chip or provider',
    code: 'snp/endorsement-key-malformed',
    run: async () => verify(await fakeSnp({ extensions: { '4': null } })),
  },
  {
    name: 'key with chip and provider',
    code: 'snp/endorsement-key-malformed',
    run: async () => verify(await fakeSnp({ extensions: { '5': encodeDer(DER_TAG.ia5String, utf8('CN=cloud')) } })),
  },
  {
    name: 'chip id of 63 bytes',
    code: 'snp/endorsement-key-malformed',
    run: async () => verify(await fakeSnp({ extensions: { '4': new Uint8Array(63) } })),
  },
  {
    name: 'level 256',
    code: 'snp/endorsement-key-malformed',
    run: async () => verify(await fakeSnp({ extensions: { '3.1': encodeDerUnsigned(Uint8Array.of(1, 0)) } })),
  },
  {
    name: 'key named like a ca',
    code: 'snp/endorsement-key-malformed',
    run: async () => verify(await fakeSnp({ keyName: 'SEV-Genoa' })),
  },
  { name: 'key on p-256', code: 'snp/endorsement-key-malformed', run: async () => verify(await fakeSnp({ keyKind: 'P-256' })) },
  {
    name: 'report signed by another key',
    code: 'snp/signature-invalid',
    run: async () => verify(await fakeSnp({ signer: await fakeKey('P-384', 'stranger') })),
  },
  {
    name: 'key certificate not by its issuer',
    code: 'certificate/signature-invalid',
    run: async () => verify(await fakeSnp({ breakKeyCertificate: true })),
  },
  {
    name: 'key not yet in force',
    code: 'certificate/not-yet-valid',
    run: async () => verify(await fakeSnp({ keyNotBefore: FAKE_NOW + 1000 })),
  },
  {
    name: 'key expired',
    code: 'certificate/expired',
    run: async () => verify(await fakeSnp({ keyNotAfter: FAKE_NOW - 1000 })),
  },
  {
    name: 'a hierarchy nobody pinned',
    code: 'certificate/root-not-trusted',
    run: async () => {
      const fake = await fakeSnp();
      return snpVerifier.verify(snpVerifier.recognise(fake.report)!, {
        now: FAKE_NOW,
        endorsements: certificates(...fake.chain),
      });
    },
  },
  {
    name: 'genoa key with a milan chain',
    code: 'snp/certificate-chain-mismatch',
    run: async () => {
      const [genoa, milan] = await Promise.all([fakeSnp(), fakeSnp({ product: 'Milan' })]);
      return verify(genoa, { endorsements: certificates(genoa.key, milan.intermediate.der, milan.root.der) });
    },
  },
  {
    name: 'genoa chain with a milan root beside it only',
    code: 'snp/certificate-chain-mismatch',
    run: async () => {
      const [genoa, milan] = await Promise.all([fakeSnp(), fakeSnp({ product: 'Milan' })]);
      return verify(genoa, { endorsements: certificates(genoa.key, genoa.intermediate.der, milan.root.der) });
    },
  },
  {
    name: 'ask revoked by the root',
    code: 'certificate/revoked',
    run: async () => {
      const fake = await fakeSnp();
      const crl = await fakeCrl({ issuer: fake.root, revoked: [Uint8Array.of(2)] });
      return verify(fake, { endorsements: [...certificates(...fake.chain), { kind: 'crl', der: crl }] });
    },
  },
  {
    name: 'crl of the root signed by a stranger',
    code: 'certificate/crl-signature-invalid',
    run: async () => {
      const fake = await fakeSnp();
      const crl = await fakeCrl({ issuer: fake.root, signer: await fakeKey('RSA-PSS', 'stranger') });
      return verify(fake, { endorsements: [...certificates(...fake.chain), { kind: 'crl', der: crl }] });
    },
  },
  {
    name: 'runtime data the report does not commit to',
    code: 'snp/runtime-data-unbound',
    run: async () => {
      const { fake, file } = await hclReport(utf8('{"keys":[]}'), utf8('{"keys":[1]}'));
      return verify(fake, { file });
    },
  },
  {
    name: 'table entry outside the file',
    code: 'snp/certificate-table-malformed',
    run: async () => {
      const fake = await fakeSnp();
      const table = fakeCertificateTable([[VCEK_GUID, fake.key]]);
      return verify(fake, { file: concatBytes(fake.report, table.subarray(0, table.length - 1)) });
    },
  },
  {
    name: 'table without an end',
    code: 'snp/certificate-table-malformed',
    run: async () => {
      const fake = await fakeSnp();
      return verify(fake, {
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
      return verify(fake, { file: fake.key });
    },
  },
  {
    name: 'a forged key and no report',
    code: 'certificate/signature-invalid',
    run: async () => {
      const fake = await fakeSnp({ breakKeyCertificate: true });
      return verify(fake, { file: fake.key });
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

  test('a crl of the root that does not name the ask settles revocation', async () => {
    const fake = await fakeSnp();
    const der = await fakeCrl({ issuer: fake.root, revoked: [Uint8Array.of(7)] });
    const claims = await verify(fake, { endorsements: [...certificates(...fake.chain), { kind: 'crl', der }] });
    expect(outcome(claims, 'snp.revocation')).toBe('pass');
    expect(outcome(await verify(fake), 'snp.revocation')).toBe('not-checked');
  });
});

test('every one-bit flip of report and signature is refused', async () => {
  const fake = await fakeSnp();
  const endorsements = certificates(...fake.chain);
  const accepts = async (bit: number): Promise<boolean> => {
    const file = fake.report.slice();
    file[bit >> 3] = (file[bit >> 3] as number) ^ (1 << (bit & 7));
    try {
      const evidence = snpVerifier.recognise(file);
      if (evidence === null) return false;
      await snpVerifier.verify(evidence, { now: FAKE_NOW, endorsements, additionalAnchors: [fake.anchor] });
      return true;
    } catch (error) {
      expect(error).toHaveProperty('code');
      return false;
    }
  };
  const accepted: number[] = [];
  for (let from = 0; from < fake.report.length * 8; from += 64) {
    const bits = Array.from({ length: 64 }, (_, at) => from + at);
    const answers = await Promise.all(bits.map(accepts));
    accepted.push(...bits.filter((_, at) => answers[at]));
  }
  expect(accepted).toEqual([]);
}, 120_000);

function chip(): Uint8Array {
  return Uint8Array.from({ length: 64 }, (_, index) => 200 - index);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

function responseHeader(): Uint8Array {
  const header = new Uint8Array(32);
  new DataView(header.buffer).setUint32(4, 1184, true);
  return header;
}

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
