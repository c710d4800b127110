/** AMD 56860 §7.3 and 57230: one defect each against a sound report of a fake hierarchy, and the code that names it. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import {
  certificatesOf,
  expectCode,
  FAKE_NOW,
  fakeCertificateTable,
  fakeHclReport,
  fakeSnp,
  SNP_DEFECTS,
  type SnpQuestion,
  verifyFakeSnp,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { trustAnchor } from '../../certificates/anchor.ts';
import { ATTESTATION_ERROR_KINDS } from '../../errors.ts';
import { verifyEvidence } from '../../verify.ts';
import { snpVerifier } from './snp.ts';

const VCEK_GUID = '63da758de6644564adc5f4b93be8accd';

/** Those the conformance table has, and those that need more than a report with its chain. */
const DEFECTS: readonly { readonly name: string; readonly code: string; readonly run: () => Promise<unknown> }[] = [
  ...SNP_DEFECTS.map(([name, code, ask]) => ({ name, code, run: async () => verifyQuestion(await ask()) })),
  {
    name: 'no key',
    code: 'snp/endorsement-key-missing',
    run: async () => verifyFakeSnp(await fakeSnp(), { endorsements: [] }),
  },
  {
    name: 'a hierarchy that is not pinned',
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
    name: 'runtime data the report does not commit to',
    code: 'snp/runtime-data-unbound',
    run: async () => {
      const { fake, file } = await fakeHclReport(utf8('{"keys":[]}'), utf8('{"keys":[1]}'));
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

function verifyQuestion({ evidence, at, root, intermediate, key, crl }: SnpQuestion): Promise<unknown> {
  const chain = [key, intermediate, root].filter((der) => der !== undefined);
  const endorsements = [...certificatesOf(chain), ...(crl === undefined ? [] : [{ kind: 'crl', der: crl } as const])];
  const roots = root === undefined ? [] : [trustAnchor('fake ark', root, { simulated: true })];
  return verifyEvidence(evidence, { now: at, endorsements, trust: { roots } });
}
