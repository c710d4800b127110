/** Reports that are spelled out (serde's JSON, go-sev-guest's protobuf) or wrapped: put together again, the signature must fit. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import {
  certificatesOf,
  expectCode,
  FAKE_NOW,
  type FakeSnp,
  type FakeSnpOptions,
  fakeSnp,
  verifyFakeSnp,
} from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttestationError } from '../../errors.ts';
import { snpEvidenceOf } from '../../evidence/snp/evidence-file.ts';
import { snpVerifier } from './snp.ts';

const text = (value: unknown): Uint8Array => utf8(JSON.stringify(value));
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** Verifies a file that carries its own key, under the fake root. */
function verifyFile(fake: FakeSnp, file: Uint8Array) {
  const evidence = snpVerifier.recognise(file);
  if (evidence === null) throw new Error('expected snp evidence');
  const endorsements = certificatesOf([fake.intermediate.der, fake.root.der]);
  return snpVerifier.verify(evidence, { now: FAKE_NOW, endorsements, trust: { roots: [fake.anchor] } });
}

/** What serde writes of AttestationReport: the names of release 6, or those of release 3. */
function spelledOut(report: Uint8Array, generation: 'new' | 'old'): Record<string, unknown> {
  const view = new DataView(report.buffer, report.byteOffset, report.byteLength);
  const bytes = (offset: number, length: number): number[] => [...report.subarray(offset, offset + length)];
  const u8 = (offset: number): number => view.getUint8(offset);
  const turin = u8(0x188) === 0x1a;
  const tcb = (at: number) =>
    turin
      ? { fmc: u8(at), bootloader: u8(at + 1), tee: u8(at + 2), snp: u8(at + 3), microcode: u8(at + 7) }
      : {
          ...(generation === 'new' ? { fmc: null } : { _reserved: [0, 0, 0, 0] }),
          ...{ bootloader: u8(at), tee: u8(at + 1), snp: u8(at + 6), microcode: u8(at + 7) },
        };
  const version = (at: number) => ({ major: u8(at + 2), minor: u8(at + 1), build: u8(at) });
  const [current, committed] = [version(0x1e8), version(0x1ec)];
  return {
    version: view.getUint32(0, true),
    guest_svn: view.getUint32(4, true),
    policy: Number(view.getBigUint64(8, true)),
    family_id: bytes(0x10, 16),
    image_id: bytes(0x20, 16),
    vmpl: view.getUint32(0x30, true),
    sig_algo: view.getUint32(0x34, true),
    current_tcb: tcb(0x38),
    plat_info: Number(view.getBigUint64(0x40, true)),
    [generation === 'new' ? 'key_info' : '_author_key_en']: view.getUint32(0x48, true),
    report_data: bytes(0x50, 64),
    measurement: bytes(0x90, 48),
    host_data: bytes(0xc0, 32),
    id_key_digest: bytes(0xe0, 48),
    author_key_digest: bytes(0x110, 48),
    report_id: bytes(0x140, 32),
    report_id_ma: bytes(0x160, 32),
    reported_tcb: tcb(0x180),
    chip_id: bytes(0x1a0, 64),
    committed_tcb: tcb(0x1e0),
    launch_tcb: tcb(0x1f0),
    signature: { r: bytes(0x2a0, 72), s: bytes(0x2e8, 72), ...(generation === 'old' && { _reserved: bytes(0x330, 368) }) },
    ...(generation === 'new'
      ? {
          ...{ cpuid_fam_id: u8(0x188), cpuid_mod_id: u8(0x189), cpuid_step: u8(0x18a), current, committed },
          launch_mit_vector: Number(view.getBigUint64(0x1f8, true)),
          current_mit_vector: Number(view.getBigUint64(0x200, true)),
        }
      : {
          ...{ _reserved_0: 0, _reserved_1: bytes(0x188, 24), _reserved_2: 0, _reserved_3: 0, _reserved_4: bytes(0x1f8, 168) },
          ...{ current_build: current.build, current_minor: current.minor, current_major: current.major },
          ...{ committed_build: committed.build, committed_minor: committed.minor, committed_major: committed.major },
        }),
  };
}

function varint(value: bigint): number[] {
  return value < 0x80n ? [Number(value)] : [Number(value & 0x7fn) | 0x80, ...varint(value >> 7n)];
}

/** go-sev-guest's Attestation message. */
function protobuf({ report, key }: FakeSnp): Uint8Array {
  const view = new DataView(report.buffer, report.byteOffset, report.byteLength);
  const number = (field: number, value: bigint | number): number[] => [
    ...varint(BigInt(field) << 3n),
    ...varint(BigInt(value)),
  ];
  const bytes = (field: number, value: Iterable<number>): number[] => {
    const list = [...value];
    return [...varint((BigInt(field) << 3n) | 2n), ...varint(BigInt(list.length)), ...list];
  };
  const u64 = (offset: number): bigint => view.getBigUint64(offset, true);
  const [family, model, stepping] = [0x188, 0x189, 0x18a].map((offset) => view.getUint8(offset)) as [number, number, number];
  const baseFamily = Math.min(family, 15);
  const eax = ((family - baseFamily) << 20) | ((model >> 4) << 16) | (baseFamily << 8) | ((model & 15) << 4) | stepping;
  const fields = [
    ...[1, 2, 6, 7, 10].flatMap((field, at) => number(field, view.getUint32([0, 4, 0x30, 0x34, 0x48][at] as number, true))),
    ...[3, 8, 9, 18, 20, 27, 30, 31].flatMap((field, at) =>
      number(field, u64([8, 0x38, 0x40, 0x180, 0x1e0, 0x1f0, 0x1f8, 0x200][at] as number)),
    ),
    ...(
      [
        ...[
          [4, 0x10, 16],
          [5, 0x20, 16],
          [11, 0x50, 64],
          [12, 0x90, 48],
          [13, 0xc0, 32],
          [14, 0xe0, 48],
        ],
        ...[
          [15, 0x110, 48],
          [16, 0x140, 32],
          [17, 0x160, 32],
          [19, 0x1a0, 64],
          [28, 0x2a0, 512],
        ],
      ] as const
    ).flatMap(([field = 0, offset = 0, length = 0]) => bytes(field, report.subarray(offset, offset + length))),
    ...[21, 22, 23, 24, 25, 26].flatMap((field, at) =>
      number(field, view.getUint8([0x1e8, 0x1e9, 0x1ea, 0x1ec, 0x1ed, 0x1ee][at] as number)),
    ),
    ...(view.getUint32(0, true) >= 3 ? number(29, eax) : []),
  ];
  return Uint8Array.from([...bytes(1, fields), ...bytes(2, bytes(1, key))]);
}

const KINDS: readonly (readonly [string, FakeSnpOptions])[] = [
  ['milan v2', { product: 'Milan', version: 2 }],
  ['genoa v3', { version: 3 }],
  ['genoa v5 with mitigations', { edit: (_, view) => view.setBigUint64(0x1f8, 0xbn, true) }],
  ['turin v5', { product: 'Turin' }],
];

describe('a report spelled out', () => {
  test.each(KINDS)('in json: %s', async (_, options) => {
    const fake = await fakeSnp(options);
    const chain = [{ cert_type: 'VCEK', data: [...fake.key] }];
    const file = text({ attestation_report: spelledOut(fake.report, 'new'), cert_chain: chain });
    expect((await verifyFile(fake, file)).measurements).toEqual((await verifyFakeSnp(fake)).measurements);
  });

  test('in json with the names of older releases', async () => {
    const fake = await fakeSnp({ product: 'Milan', version: 2 });
    const report = spelledOut(fake.report, 'old');
    expect(
      (
        await verifyFile(
          fake,
          text({ attestation_report: report, cert_chain: [{ cert_type: 'VCEK', data: base64(fake.key) }] }),
        )
      ).type,
    ).toBe('sev-snp');
    expect((await verifyFile(fake, text({ ...report, cert_chain: null, vcek: base64(fake.key) }))).type).toBe('sev-snp');
  });

  test.each(KINDS)('in protobuf: %s', async (_, options) => {
    const fake = await fakeSnp(options);
    for (const file of [protobuf(fake), utf8(base64(protobuf(fake)))]) {
      expect((await verifyFile(fake, file)).measurements).toEqual((await verifyFakeSnp(fake)).measurements);
    }
  });

  test.each<[string, (report: Record<string, unknown>) => void, string]>([
    ['another guest svn', (report) => Object.assign(report, { guest_svn: 9 }), 'snp/signature-invalid'],
    [
      'a reserved byte',
      (report) => Object.assign(report, { _reserved_1: [1, ...new Array(20).fill(0)] }),
      'snp/signature-invalid',
    ],
    ['a level beyond a byte', (report) => Object.assign(report, { current_tcb: { bootloader: 256 } }), 'snp/malformed'],
    ['a number that json rounds', (report) => Object.assign(report, { policy: 2 ** 60 }), 'snp/malformed'],
    ['a short chip id', (report) => Object.assign(report, { chip_id: [1] }), 'snp/malformed'],
    ['no signature', (report) => Object.assign(report, { signature: {} }), 'snp/malformed'],
    ['a version beyond its field', (report) => Object.assign(report, { cpuid_mod_id: 256 }), 'snp/malformed'],
    ['a byte of 256', (report) => Object.assign(report, { measurement: new Array(48).fill(256) }), 'snp/malformed'],
  ])('with %s is refused', async (_, edit, code) => {
    const fake = await fakeSnp();
    const report = spelledOut(fake.report, 'new');
    edit(report);
    await expectCode(async () => verifyFile(fake, text({ attestation_report: report, vcek: base64(fake.key) })), code);
  });

  test('in protobuf with a changed field is refused', async () => {
    const fake = await fakeSnp();
    const file = protobuf(fake);
    file[file.indexOf(0x3e)] = 0x3f;
    await expectCode(async () => verifyFile(fake, file), 'snp/signature-invalid');
  });
});

describe('a report as text in json', () => {
  test.each<[string, (fake: FakeSnp) => object]>([
    ['attestation-rs', ({ report, key }) => ({ attestation_report: base64(report), cert_chain: { vcek: base64(key) } })],
    ['automata', ({ report, key }) => ({ attestation_report: base64(report), vek_cert: base64(key) })],
    [
      'hex with 0x',
      ({ report, key }) => ({ report: `0x${Buffer.from(report).toString('hex')}`, vcek: Buffer.from(key).toString('hex') }),
    ],
    [
      'zero-padded to 4000 bytes',
      ({ report, key }) => ({ report: base64(concatBytes(report, new Uint8Array(2816))), vcek: [...key] }),
    ],
  ])('%s', async (_, shape) => {
    const fake = await fakeSnp();
    expect((await verifyFile(fake, text(shape(fake)))).type).toBe('sev-snp');
  });
});

describe('azure runtime data behind a report without the hcl header', () => {
  const header = (length: number): Uint8Array => new Uint8Array(Uint32Array.of(length + 20, 1, 2, 1, length).buffer);

  test('is compared with the report data', async () => {
    const fake = await fakeSnp();
    const data = utf8('{"keys":[]}');
    const endorsements = certificatesOf(fake.chain);
    const evidence = snpVerifier.recognise(concatBytes(fake.report, header(data.length), data));
    if (evidence === null) throw new Error('expected snp evidence');
    await expectCode(
      snpVerifier.verify(evidence, { now: FAKE_NOW, endorsements, trust: { roots: [fake.anchor] } }),
      'snp/runtime-data-unbound',
    );
  });

  test('cut off after its header is named as unread', async () => {
    const fake = await fakeSnp();
    const evidence = snpVerifier.recognise(concatBytes(fake.report, header(584)));
    if (evidence === null) throw new Error('expected snp evidence');
    const claims = await snpVerifier.verify(evidence, {
      now: FAKE_NOW,
      endorsements: certificatesOf(fake.chain),
      trust: { roots: [fake.anchor] },
    });
    expect(claims.checks.find(({ id }) => id === 'snp.unread')?.outcome).toBe('not-checked');
  });
});

test('a broken key beside the right one spoils nothing', async () => {
  const [fake, broken] = await Promise.all([fakeSnp(), fakeSnp({ extensions: { '4': null } })]);
  const evidence = snpVerifier.recognise(fake.report);
  if (evidence === null) throw new Error('expected snp evidence');
  const verify = (certificates: readonly Uint8Array[]) =>
    snpVerifier.verify(evidence, {
      now: FAKE_NOW,
      endorsements: certificatesOf(certificates),
      trust: { roots: [fake.anchor] },
    });
  expect((await verify([broken.key, ...fake.chain])).type).toBe('sev-snp');
  await expectCode(verify([broken.key]), 'snp/endorsement-key-malformed');
});

test('hostile json and protobuf give coded errors only', async () => {
  const fake = await fakeSnp();
  const proto = protobuf(fake);
  const survives = (file: Uint8Array): void => {
    try {
      snpEvidenceOf(file);
    } catch (error) {
      if (!AttestationError.is(error)) throw error;
    }
  };
  const names = Object.keys(spelledOut(fake.report, 'new'));
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.jsonValue()), fc.boolean(), (edits, nested) => {
      const report = { ...spelledOut(fake.report, 'new'), ...edits };
      survives(text(nested ? { attestation_report: report, cert_chain: edits } : report));
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(fc.nat(proto.length - 1), fc.nat(255), fc.nat(proto.length), (at, value, length) => {
      const copy = proto.slice(0, length);
      if (at < length) copy[at] = value;
      survives(copy);
    }),
    { numRuns: 2000 },
  );
});
