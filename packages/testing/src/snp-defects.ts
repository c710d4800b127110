/**
 * The SEV-SNP conformance table: one defect each, with the code Assay refuses it with. Everything else about the report and its chain is
 * sound, so that a verifier which accepts one of these has the fault its name says.
 */

import { utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer, encodeDerUnsigned } from '@assay/encoding/der-writer';
import { CRL_EXTENSIONS, FAKE_NOW, type FakeSnpOptions, fakeCrl, fakeKey, fakeSnp } from '@assay/simulator';
import type { SnpQuestion } from './question.ts';

/** Name of the defect, error code, and the question that has it. */
export type SnpDefect = readonly [string, string, () => Promise<SnpQuestion>];

/** A report with its chain as a question, sound unless the options or the changes spoil it. */
export async function fakeSnpQuestion(options: FakeSnpOptions = {}, changes: Partial<SnpQuestion> = {}): Promise<SnpQuestion> {
  const { report, key, intermediate, root } = await fakeSnp(options);
  return {
    kind: 'sev-snp',
    evidence: report,
    at: FAKE_NOW,
    root: root.der,
    intermediate: intermediate.der,
    key,
    product: options.product ?? 'Genoa',
    ...changes,
  };
}

/** A question with a list by the root, by default a good one. */
export async function fakeSnpQuestionWithCrl(crl: Partial<Parameters<typeof fakeCrl>[0]> = {}): Promise<SnpQuestion> {
  const { root } = await fakeSnp();
  return fakeSnpQuestion({}, { crl: await fakeCrl({ issuer: root, extensions: CRL_EXTENSIONS, ...crl }) });
}

const spoiled = (name: string, code: string, options: FakeSnpOptions): SnpDefect => [
  name,
  code,
  () => fakeSnpQuestion(options),
];
const number = (...bytes: readonly number[]) => encodeDerUnsigned(Uint8Array.from(bytes));
const text = (value: string) => encodeDer(DER_TAG.ia5String, utf8(value));
const DAY = 86_400_000;

export const SNP_DEFECTS: readonly SnpDefect[] = [
  spoiled('version 9', 'snp/version-unsupported', { version: 9 }),
  spoiled('version 1', 'snp/version-unsupported', { version: 1 }),
  spoiled('signature algorithm 0', 'snp/signature-algorithm-unsupported', { edit: (_, view) => view.setUint32(0x34, 0, true) }),
  spoiled('unknown signing key 3', 'snp/version-unsupported', { edit: (_, view) => view.setUint32(0x48, 3 << 2, true) }),
  spoiled('a byte after the signature', 'snp/malformed', { editSigned: (report) => report.fill(1, 1183) }),
  spoiled('r wider than 384 bits', 'snp/malformed', { editSigned: (report) => report.fill(1, 0x2a0 + 48, 0x2a0 + 49) }),
  spoiled('host says it signs with no key', 'snp/unsigned', { edit: (_, view) => view.setUint32(0x48, 7 << 2, true) }),
  spoiled('masked chip key writes no signature', 'snp/unsigned', {
    edit: (_, view) => view.setUint32(0x48, 2, true),
    editSigned: (report) => report.fill(0, 0x2a0),
  }),
  [
    'a vlek for a report signed by a vcek',
    'snp/endorsement-key-missing',
    async () => fakeSnpQuestion({}, { key: (await fakeSnp({ signingKey: 'vlek' })).key }),
  ],
  spoiled('key of another chip', 'snp/chip-id-mismatch', { extensions: { '4': new Uint8Array(64).fill(9) } }),
  spoiled('turin chip id with a tail', 'snp/chip-id-mismatch', {
    product: 'Turin',
    edit: (report) => report.fill(1, 0x1b0, 0x1b1),
  }),
  spoiled('key of another tcb', 'snp/tcb-mismatch', { extensions: { '3.8': number(83) } }),
  spoiled('key with a reserved level that the report lacks', 'snp/tcb-mismatch', { extensions: { '3.6': number(1) } }),
  spoiled('milan cpuid, genoa key', 'snp/product-mismatch', { edit: (report) => report.set([0x19, 0x01, 1], 0x188) }),
  spoiled('unknown cpuid', 'snp/product-unknown', { edit: (report) => report.set([0x17, 0x31, 0], 0x188) }),
  spoiled('unknown product name', 'snp/product-unknown', { extensions: { '2': text('Naples') } }),
  spoiled('key without a product', 'snp/endorsement-key-malformed', { extensions: { '2': null } }),
  spoiled('key without the snp level', 'snp/endorsement-key-malformed', { extensions: { '3.3': null } }),
  spoiled('key without chip or provider', 'snp/endorsement-key-malformed', { extensions: { '4': null } }),
  spoiled('key with chip and provider', 'snp/endorsement-key-malformed', { extensions: { '5': text('CN=cloud') } }),
  spoiled('chip id of 63 bytes in an octet string', 'snp/endorsement-key-malformed', {
    extensions: { '4': encodeDer(DER_TAG.octetString, new Uint8Array(63)) },
  }),
  spoiled('chip id of 63 bytes', 'snp/endorsement-key-malformed', { extensions: { '4': new Uint8Array(63) } }),
  spoiled('level 256', 'snp/endorsement-key-malformed', { extensions: { '3.1': number(1, 0) } }),
  spoiled('key named like a ca', 'snp/endorsement-key-malformed', { keyName: 'SEV-Genoa' }),
  spoiled('key on p-256', 'snp/endorsement-key-malformed', { keyKind: 'P-256' }),
  [
    'report signed by another key',
    'snp/signature-invalid',
    async () => fakeSnpQuestion({ signer: await fakeKey('P-384', 'stranger') }),
  ],
  spoiled('key certificate not by its issuer', 'certificate/signature-invalid', { breakKeyCertificate: true }),
  spoiled('key not yet in force', 'endorsements/not-yet-valid', { keyNotBefore: FAKE_NOW + 1000 }),
  spoiled('key expired', 'endorsements/expired', { keyNotAfter: FAKE_NOW - 1000 }),
  ['ask revoked by the root', 'certificate/revoked', () => fakeSnpQuestionWithCrl({ revoked: [Uint8Array.of(2)] })],
  [
    'crl of the root signed by a stranger',
    'certificate/crl-signature-invalid',
    async () => fakeSnpQuestionWithCrl({ signer: await fakeKey('RSA-PSS', 'stranger') }),
  ],
  ['crl of the root expired', 'certificate/crl-expired', () => fakeSnpQuestionWithCrl({ nextUpdate: FAKE_NOW - DAY / 4 })],
  [
    'crl of the root from tomorrow',
    'certificate/crl-not-yet-valid',
    () => fakeSnpQuestionWithCrl({ thisUpdate: FAKE_NOW + DAY / 4 }),
  ],
];
