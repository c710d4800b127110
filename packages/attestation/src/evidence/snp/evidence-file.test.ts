/** SNP files: whatever the bytes, an answer or a coded error, at once. */

import { fakeCertificateTable, fakeSnp } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttestationError } from '../../errors.ts';
import { parseCertificateTable } from './certificate-table.ts';
import { snpEvidenceOf } from './evidence-file.ts';
import { vcekPaths } from './kds.ts';
import { oakCertificates, oakReport } from './oak.ts';
import { productOfCpuid, productOfName } from './product.ts';
import { parseSnpReport } from './report.ts';
import { tcbAtMost, tcbOf, tcbText } from './tcb.ts';

const VCEK_GUID = '63da758de6644564adc5f4b93be8accd';

/** Runs a parser; anything but a result or a coded error fails the test. */
function survives(parse: (bytes: Uint8Array) => unknown): (bytes: Uint8Array) => void {
  return (bytes) => {
    try {
      parse(bytes);
    } catch (error) {
      if (!AttestationError.is(error)) throw error;
      expect(['malformed', 'unavailable']).toContain(error.kind);
    }
  };
}

describe('any bytes', () => {
  test('are an answer or a coded error', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), survives(snpEvidenceOf)), { numRuns: 3000 });
    fc.assert(fc.property(fc.uint8Array({ minLength: 1184, maxLength: 1184 }), survives(parseSnpReport)), { numRuns: 3000 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), survives(parseCertificateTable)), { numRuns: 3000 });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        survives((bytes) => [oakReport(bytes), oakCertificates(bytes)]),
      ),
      {
        numRuns: 3000,
      },
    );
  });

  test('changed anywhere in a file with a table are an answer or a coded error', async () => {
    const fake = await fakeSnp();
    const table = fakeCertificateTable([[VCEK_GUID, fake.key]]);
    const file = new Uint8Array([...fake.report, ...table]);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.nat(file.length),
        (edits, length) => {
          const copy = file.slice(0, length);
          for (const [at, value] of edits) if (at < length) copy[at] = value;
          survives(snpEvidenceOf)(copy);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('fields', () => {
  test('lie where the abi puts them', async () => {
    const { report } = await fakeSnp({
      edit: (bytes, view) => {
        view.setBigUint64(0x08, 0x3_02_03n | (1n << 20n) | (1n << 24n), true);
        view.setUint32(0x30, 2, true);
        view.setUint32(0x48, 1, true);
        view.setBigUint64(0x1f8, 0xbn, true);
        bytes.fill(0x11, 0xc0, 0xe0);
      },
    });
    expect(parseSnpReport(report)).toMatchObject({
      version: 5,
      guestSvn: 3,
      vmpl: 2,
      authorKeyEnabled: true,
      signingKey: 'vcek',
      launchMitigations: 0xbn,
      currentVersion: { major: 1, minor: 55, build: 40 },
      cpuid: { family: 0x19, model: 0x11, stepping: 1 },
      policy: { abiMinor: 3, abiMajor: 2, singleSocketRequired: true, ciphertextHidingRequired: true, debugAllowed: false },
      platform: { smtEnabled: true, tsmeEnabled: false, eccEnabled: true, aliasCheckComplete: true },
    });
  });

  test.each([
    [0x19, 0x00, 'Milan'],
    [0x19, 0x01, 'Milan'],
    [0x19, 0x11, 'Genoa'],
    [0x19, 0xa0, 'Genoa'],
    [0x19, 0xac, 'Genoa'],
    [0x1a, 0x02, 'Turin'],
    [0x1a, 0x11, 'Turin'],
    [0x19, 0x21, null],
    [0x17, 0x31, null],
  ])('family 0x%s model 0x%s', (family, model, product) => {
    expect(productOfCpuid({ family, model, stepping: 0 })).toBe(product);
  });

  test.each([
    ['Milan-B0', 'Milan'],
    ['Genoa', 'Genoa'],
    ['Siena-A0', 'Genoa'],
    ['Turin-B1', 'Turin'],
    ['Milano', null],
    ['', null],
  ])('product name "%s"', (name, product) => expect(productOfName(name)).toBe(product));

  test('turin has its own tcb layout', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 9);
    expect(tcbOf(bytes, 'Turin')).toEqual({ fmc: 1, bootloader: 2, tee: 3, snp: 4, microcode: 9 });
    expect(tcbOf(bytes, 'Genoa')).toEqual({ fmc: null, bootloader: 1, tee: 2, snp: 0, microcode: 9 });
    expect(tcbText(tcbOf(bytes, 'Turin'))).toBe('fmc=1 bootloader=2 tee=3 snp=4 microcode=9');
    const raised = { ...tcbOf(bytes, 'Turin'), snp: 5 };
    expect([tcbAtMost(tcbOf(bytes, 'Turin'), raised), tcbAtMost(raised, tcbOf(bytes, 'Turin'))]).toEqual([true, false]);
  });

  test('the key service is asked by product, chip and levels', async () => {
    const [genoa, turin, milan2, vlek] = await Promise.all([
      fakeSnp(),
      fakeSnp({ product: 'Turin' }),
      fakeSnp({ product: 'Milan', version: 2 }),
      fakeSnp({ signingKey: 'vlek' }),
    ]);
    const paths = (bytes: Uint8Array): readonly string[] => vcekPaths(parseSnpReport(bytes));
    expect(paths(genoa.report)[0]).toMatch(/^\/vcek\/v1\/Genoa\/[0-9a-f]{128}\?blSPL=10&teeSPL=00&snpSPL=23&ucodeSPL=84$/);
    expect(paths(turin.report)).toEqual(['/vcek/v1/Turin/c8c7c6c5c4c3c2c1?fmcSPL=01&blSPL=02&teeSPL=00&snpSPL=04&ucodeSPL=71']);
    expect(paths(milan2.report).map((path) => path.split('/')[3])).toEqual(['Milan', 'Genoa']);
    expect(paths(vlek.report)).toEqual([]);
  });
});
