/** AMD 56860 §7.3 and 57230: one defect each against a sound report of a fake hierarchy, then every one-bit flip of what is signed. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer, encodeDerUnsigned } from '@assay/encoding/der-writer';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import {
  certificatesOf,
  FAKE_NOW,
  type FakeSnp,
  type FakeSnpOptions,
  fakeCertificateTable,
  fakeCrl,
  fakeHclReport,
  fakeSnp,
  verifyFakeSnp,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { NamedClaims } from '../../model/claims.ts';
import { snpVerifier } from './snp.ts';

const VCEK_GUID = '63da758de6644564adc5f4b93be8accd';
const ASK_GUID = '4ab7b379bbac4fe4a02f05aef327c782';

function outcome(claims: NamedClaims, id: string): string | undefined {
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
    const claims = await verifyFakeSnp(await fakeSnp(options));
    expect(claims.simulated).toBe(true);
    expect(claims.debug).toBe(false);
    expect(claims.checks.filter((check) => check.outcome === 'fail')).toEqual([]);
    expect(claims.bindings.reportData).toBe('da'.repeat(64));
    expect(claims.measurements.measurement).toBe('3e'.repeat(48));
    expect(JSON.parse(JSON.stringify(claims.details))).toEqual(claims.details);
  });

  test('debug policy is data', async () => {
    const claims = await verifyFakeSnp(await fakeSnp({ edit: (_, view) => view.setBigUint64(8, 0xb0000n, true) }));
    expect(claims.debug).toBe(true);
  });

  test('a report that the host asked for says so', async () => {
    const claims = await verifyFakeSnp(await fakeSnp({ edit: (_, view) => view.setUint32(0x30, 0xffffffff, true) }));
    expect(claims.details.vmpl).toBe(0xffffffff);
  });

  test('a masked chip id leaves the chip unchecked and unnamed', async () => {
    const claims = await verifyFakeSnp(await fakeSnp({ edit: (report) => report.fill(0, 0x1a0, 0x1e0) }));
    expect(outcome(claims, 'snp.chip-id')).toBe('not-checked');
    expect(claims.identity['chip-id']).toBeUndefined();
  });

  test('version 2 names no product', async () => {
    const claims = await verifyFakeSnp(await fakeSnp({ product: 'Milan', version: 2 }));
    expect(outcome(claims, 'snp.product')).toBe('not-checked');
    expect(claims.identity.product).toBe('Milan');
  });

  test.each([
    ['reserved bytes in use', (report: Uint8Array) => report.fill(1, 0x210, 0x211), 'snp.reserved'],
    ['a migration agent bound', (report: Uint8Array) => report.fill(0x5a, 0x160, 0x180), 'snp.migration-agent'],
    ['reserved bits beside the signing key in use', (report: Uint8Array) => report.fill(1, 0x4b, 0x4c), 'snp.reserved'],
    ['policy bit 17 clear', (report: Uint8Array) => report.fill(1, 0x0a, 0x0b), 'snp.reserved'],
    ['committed tcb above current', (report: Uint8Array) => report.fill(99, 0x1e0, 0x1e1), 'snp.tcb-order'],
    ['reported tcb above current', (report: Uint8Array) => report.fill(9, 0x38, 0x39), 'snp.tcb-order'],
  ])('%s is a failed check, not an error', async (_, edit, id) => {
    expect(outcome(await verifyFakeSnp(await fakeSnp({ edit })), id)).toBe('fail');
  });

  test('the right key is found among keys of other chips and levels', async () => {
    const [fake, otherChip, otherTcb] = await Promise.all([
      fakeSnp(),
      fakeSnp({ extensions: { '4': new Uint8Array(64).fill(9) } }),
      fakeSnp({ extensions: { '3.8': encodeDerUnsigned(Uint8Array.of(1)) } }),
    ]);
    const endorsements = certificatesOf([otherChip.key, otherTcb.key, fake.key, fake.intermediate.der]);
    expect((await verifyFakeSnp(fake, { endorsements })).identity.product).toBe('Genoa');
  });

  test('a key made after the report is good at the time of the check', async () => {
    const fake = await fakeSnp({ keyNotBefore: FAKE_NOW - 1000 });
    expect((await verifyFakeSnp(fake)).validity.notBefore).toBe(FAKE_NOW - 1000);
  });
});

test('a crl of the root that does not name the ask settles revocation', async () => {
  const fake = await fakeSnp();
  const der = await fakeCrl({ issuer: fake.root, revoked: [Uint8Array.of(7)] });
  const claims = await verifyFakeSnp(fake, { endorsements: [...certificatesOf(fake.chain), { kind: 'crl', der }] });
  expect(outcome(claims, 'snp.revocation')).toBe('pass');
  expect(outcome(await verifyFakeSnp(fake), 'snp.revocation')).toBe('not-checked');
});

describe('files', () => {
  test.each<{ name: string; file: (fake: FakeSnp) => Uint8Array }>([
    { name: 'hex', file: ({ report }) => utf8(`0x${encodeHex(report)}\n`) },
    { name: 'base64', file: ({ report }) => utf8(Buffer.from(report).toString('base64')) },
    { name: 'zero padding', file: ({ report }) => concatBytes(report, new Uint8Array(2912)) },
    { name: 'response header', file: ({ report }) => concatBytes(responseHeader(), report) },
  ])('$name', async ({ file }) => {
    const fake = await fakeSnp();
    expect((await verifyFakeSnp(fake, { file: file(fake) })).type).toBe('sev-snp');
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
    const claims = await verifyFakeSnp(fake, { file: concatBytes(fake.report, table(fake)), endorsements: [] });
    expect(claims.type).toBe('sev-snp');
  });

  test('configfs-tsm json', async () => {
    const fake = await fakeSnp();
    const auxblob = fakeCertificateTable([[VCEK_GUID, fake.key]]);
    const json = { provider: 'sev_guest\n', outblob: base64(fake.report), auxblob: base64(auxblob) };
    const claims = await verifyFakeSnp(fake, {
      file: utf8(JSON.stringify(json)),
      endorsements: certificatesOf([fake.intermediate.der]),
    });
    expect(claims.type).toBe('sev-snp');
  });

  test('azure runtime data bound by the report data is told', async () => {
    const runtime = utf8('{"keys":[]}');
    const { fake, file } = await fakeHclReport(runtime);
    const claims = await verifyFakeSnp(fake, { file });
    expect(outcome(claims, 'snp.runtime-data')).toBe('pass');
    expect(claims.details.runtimeData).toBe('{"keys":[]}');
  });

  test.each(['{"provider":"tdx_guest","outblob":"AAAA"}', '{"a":1}', 'hello', ''])('%s is something else', (text) => {
    expect(snpVerifier.recognise(utf8(text))).toBeNull();
  });
});

test('every one-bit flip of report and signature is refused', async () => {
  const fake = await fakeSnp();
  const endorsements = certificatesOf(fake.chain);
  const accepts = async (bit: number): Promise<boolean> => {
    const file = fake.report.slice();
    file[bit >> 3] = (file[bit >> 3] as number) ^ (1 << (bit & 7));
    try {
      const evidence = snpVerifier.recognise(file);
      if (evidence === null) return false;
      await snpVerifier.verify(evidence, { now: FAKE_NOW, endorsements, trust: { roots: [fake.anchor] } });
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
