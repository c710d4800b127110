/**
 * The DCAP conformance table: one defect each, with the code Assay refuses it with. Everything else about the quote and its
 * collateral is sound, so that a verifier which accepts one of these has the fault its name says. Run against peers in
 * tests/differential/dcap-conformance.test.ts.
 */

import { utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer } from '@assay/encoding/der-writer';
import { encodePem } from '@assay/encoding/pem';
import { CA_EXTENSIONS, type FakeDcapOptions, fakeCertificate, fakeInstant, fakeKey, fakeSgxExtension } from '@assay/simulator';

/** Name of the defect, error code, and the options of `fakeDcap` that make it. */
export type DcapDefect = readonly [string, string, FakeDcapOptions | (() => Promise<FakeDcapOptions>)];

/** Makes the options of a defect. */
export async function defectOptions([, , options]: DcapDefect): Promise<FakeDcapOptions> {
  return typeof options === 'function' ? options() : options;
}

const stranger = () => fakeKey('P-256', 'dcap stranger');

async function pemOf(...names: readonly string[]): Promise<Uint8Array> {
  const key = await stranger();
  const made = await Promise.all(names.map((name) => fakeCertificate({ name, key })));
  return utf8(made.map(({ der }) => encodePem('CERTIFICATE', der)).join(''));
}

const without = (...kinds: readonly string[]): FakeDcapOptions => ({
  endorsements: (pieces) => pieces.filter(({ kind }) => !kinds.includes(kind)),
});
const yesterday = Date.UTC(2026, 5, 14, 18);

/** Defects of the quote. */
export const DCAP_QUOTE_DEFECTS: readonly DcapDefect[] = [
  ['version 2', 'dcap/version-unsupported', { header: (header) => header.set([2], 0) }],
  ['version 9', 'dcap/version-unsupported', { header: (header) => header.set([9], 0) }],
  ['attestation key type 3 (P-384)', 'dcap/key-type-unsupported', { header: (header) => header.set([3], 2) }],
  ['unknown TEE type', 'dcap/tee-type-unsupported', { header: (header) => header.set([0x42], 4) }],
  ['TDX in version 3', 'dcap/tee-type-unsupported', { tee: 'sgx', header: (header) => header.set([0x81], 4) }],
  ['TD body in an SGX quote of version 5', 'dcap/quote-malformed', { version: 5, header: (header) => header.set([0], 4) }],
  ['foreign QE vendor id', 'dcap/qe-vendor-unknown', { header: (header) => header.fill(0xaa, 12, 28) }],
  ...[1, 2, 3, 7].map(
    (type): DcapDefect => [
      `certification data type ${type} without the certificate`,
      'dcap/pck-certificate-missing',
      { certification: { type, data: new Uint8Array(36) } },
    ],
  ),
  [
    'certification data of an unknown type',
    'dcap/certification-data-unsupported',
    { certification: { type: 9, data: new Uint8Array(36) } },
  ],
  ['certification data that is no PEM', 'dcap/pck-chain-invalid', { certification: { type: 5, data: utf8('no chain') } }],
  [
    'certification data that is no UTF-8',
    'dcap/pck-chain-invalid',
    { certification: { type: 5, data: Uint8Array.of(0xff, 0xfe) } },
  ],
  ['huge certification data', 'dcap/pck-chain-invalid', { certification: { type: 5, data: new Uint8Array(70_000) } }],
  ['chain without its CA', 'dcap/pck-chain-invalid', { chain: (pck, _, root) => [pck, root] }],
  ['chain without its root', 'dcap/pck-chain-invalid', { chain: (pck, ca) => [pck, ca] }],
  ['chain with a certificate too many', 'dcap/pck-chain-invalid', { chain: (pck, ca, root) => [pck, ca, root, root] }],
  ['leaf without the SGX extension', 'dcap/pck-chain-invalid', { sgxExtension: null }],
  [
    'certificates of strangers',
    'dcap/pck-chain-invalid',
    async () => ({ certification: { type: 5, data: await pemOf('a', 'b', 'c') } }),
  ],
  ['leaf under another key', 'certificate/signature-invalid', { pck: { breakSignature: true } }],
  ['CA under another key', 'certificate/signature-invalid', { ca: { breakSignature: true } }],
  ['leaf expired', 'certificate/expired', { pck: { notAfter: 1 } }],
  ['CA not yet valid', 'certificate/not-yet-valid', { ca: { notBefore: Date.UTC(2030, 0) } }],
  ['SGX extension cut short', 'dcap/pck-extensions-malformed', { sgxExtension: fakeSgxExtension().subarray(0, 40) }],
  ['SGX extension of another shape', 'dcap/pck-extensions-malformed', { sgxExtension: encodeDer(DER_TAG.sequence) }],
  [
    'SGX extension with a short FMSPC',
    'dcap/pck-extensions-malformed',
    { sgxExtension: fakeSgxExtension({ fmspc: new Uint8Array(5) }) },
  ],
  [
    'SGX extension with fifteen components',
    'dcap/pck-extensions-malformed',
    { sgxExtension: fakeSgxExtension({ components: new Array<number>(15).fill(1) }) },
  ],
  ['QE report under another key', 'dcap/qe-report-signature-invalid', async () => ({ qeReportSigner: await stranger() })],
  ['QE report that does not name the key', 'dcap/attestation-key-unbound', { qeReport: (report) => report.fill(1, 320, 352) }],
  ['QE report with more in its report data', 'dcap/attestation-key-unbound', { qeReport: (report) => report.set([1], 383) }],
  ['quote under another key', 'dcap/quote-signature-invalid', async () => ({ quoteSigner: await stranger() })],
  ['attestation key off the curve', 'dcap/quote-signature-invalid', { attestationKey: new Uint8Array(64).fill(7) }],
  ['attestation key at infinity', 'dcap/quote-signature-invalid', { attestationKey: new Uint8Array(64) }],
  ['QE of another MRSIGNER', 'dcap/qe-identity-mismatch', { qeReport: (report) => report.fill(1, 128, 160) }],
  ['QE of another ISVPRODID', 'dcap/qe-identity-mismatch', { qeReport: (report) => report.set([9], 256) }],
  ['QE in debug mode', 'dcap/qe-identity-mismatch', { qeReport: (report) => report.set([0x17], 48) }],
  ['QE of another MISCSELECT', 'dcap/qe-identity-mismatch', { qeReport: (report) => report.set([1], 16) }],
  ['TDX module of another signer', 'dcap/tdx-module-mismatch', { body: (body) => body.set([1], 64) }],
  ['TDX module with SEAMATTRIBUTES', 'dcap/tdx-module-mismatch', { body: (body) => body.set([1], 112) }],
  ['TDX module version that no list has', 'dcap/tdx-module-unknown', { body: (body) => body.set([9], 1) }],
  [
    'first-generation TDX module of another signer',
    'dcap/tdx-module-mismatch',
    { body: (body) => body.set([0, ...body.slice(2, 64), 1], 1) },
  ],
];

/** Defects of the collateral. */
export const DCAP_COLLATERAL_DEFECTS: readonly DcapDefect[] = [
  ['none at all', 'dcap/collateral-missing', { endorsements: () => [] }],
  ['no TCB info', 'dcap/collateral-missing', without('tcb-info')],
  ['no QE identity', 'dcap/collateral-missing', without('enclave-identity')],
  ['no CRLs', 'dcap/collateral-missing', without('crl')],
  ['no root CRL', 'dcap/collateral-missing', { endorsements: (pieces) => pieces.filter((_, index) => index !== 2) }],
  ['no PCK CRL', 'dcap/collateral-missing', { endorsements: (pieces) => pieces.filter((_, index) => index !== 3) }],
  [
    'no signing chain',
    'dcap/collateral-missing',
    { endorsements: (pieces) => pieces.map((piece) => ('issuerChain' in piece ? { ...piece, issuerChain: [] } : piece)) },
  ],
  [
    'TCB info of another platform',
    'dcap/tcb-info-mismatch',
    { tcbInfo: (info) => Object.assign(info, { fmspc: '00606a000000' }) },
  ],
  ['TCB info of another PCE', 'dcap/tcb-info-mismatch', { tcbInfo: (info) => Object.assign(info, { pceId: '0001' }) }],
  ['SGX TCB info for a TD', 'dcap/tcb-info-mismatch', { tcbInfo: (info) => Object.assign(info, { id: 'SGX' }) }],
  ['TCB info under another key', 'dcap/tcb-info-signature-invalid', async () => ({ tcbInfoSigner: await stranger() })],
  [
    'TCB info under the PCK',
    'dcap/tcb-info-signature-invalid',
    async () => ({ tcbInfoSigner: await fakeKey('P-256', 'dcap pck') }),
  ],
  [
    'TCB info from tomorrow',
    'dcap/collateral-not-yet-valid',
    { tcbInfo: (info) => Object.assign(info, { issueDate: fakeInstant(0.5) }) },
  ],
  [
    'TCB info of yesterday',
    'dcap/collateral-expired',
    { tcbInfo: (info) => Object.assign(info, { nextUpdate: fakeInstant(-0.5) }) },
  ],
  ['QE identity of the other TEE', 'endorsements/foreign', { identity: (identity) => Object.assign(identity, { id: 'QE' }) }],
  ['QE identity under another key', 'dcap/qe-identity-signature-invalid', async () => ({ identitySigner: await stranger() })],
  [
    'QE identity of yesterday',
    'dcap/collateral-expired',
    { identity: (identity) => Object.assign(identity, { nextUpdate: fakeInstant(-0.5) }) },
  ],
  [
    'QE identity from tomorrow',
    'dcap/collateral-not-yet-valid',
    { identity: (identity) => Object.assign(identity, { issueDate: fakeInstant(0.5) }) },
  ],
  [
    'signing certificate of another name',
    'dcap/tcb-signing-chain-invalid',
    { tcbSigning: { name: 'Intel SGX PCK Platform CA' } },
  ],
  [
    'signing certificate that is a CA',
    'dcap/tcb-signing-chain-invalid',
    async () => ({ tcbSigning: { extensions: CA_EXTENSIONS() } }),
  ],
  ['signing certificate under another key', 'certificate/root-not-trusted', { tcbSigning: { breakSignature: true } }],
  ['signing certificate expired', 'endorsements/expired', { tcbSigning: { notAfter: yesterday } }],
  ['signing certificate revoked', 'certificate/revoked', { rootCrl: { revoked: [Uint8Array.of(4)] } }],
  ['PCK CA revoked', 'certificate/revoked', { rootCrl: { revoked: [Uint8Array.of(2)] } }],
  ['PCK revoked', 'certificate/revoked', { pckCrl: { revoked: [Uint8Array.of(3)] } }],
  ['root CRL under another key', 'certificate/crl-signature-invalid', async () => ({ rootCrl: { signer: await stranger() } })],
  ['PCK CRL under another key', 'certificate/crl-signature-invalid', async () => ({ pckCrl: { signer: await stranger() } })],
  ['root CRL expired', 'certificate/crl-expired', { rootCrl: { nextUpdate: yesterday } }],
  ['PCK CRL expired', 'certificate/crl-expired', { pckCrl: { nextUpdate: yesterday } }],
  ['PCK CRL from tomorrow', 'certificate/crl-not-yet-valid', { pckCrl: { thisUpdate: Date.UTC(2026, 5, 16) } }],
  [
    'PCK CRL that is none',
    'certificate/crl-malformed',
    { endorsements: (pieces) => [...pieces.slice(0, 3), { kind: 'crl', der: Uint8Array.of(0x30, 0) }] },
  ],
  ['platform revoked', 'dcap/tcb-revoked', { tcbInfo: (info) => Object.assign(info.tcbLevels[0], { tcbStatus: 'Revoked' }) }],
  [
    'QE revoked',
    'dcap/tcb-revoked',
    { identity: (identity) => Object.assign(identity.tcbLevels[0], { tcbStatus: 'Revoked' }) },
  ],
  [
    'TDX module revoked',
    'dcap/tcb-revoked',
    { tcbInfo: (info) => Object.assign(info.tdxModuleIdentities[0].tcbLevels[0], { tcbStatus: 'Revoked' }) },
  ],
  ['the same TCB level twice', 'dcap/tcb-info-malformed', { tcbInfo: (info) => info.tcbLevels.push(info.tcbLevels[0]) }],
  [
    'fifteen SGX components in a TCB level',
    'dcap/tcb-info-malformed',
    { tcbInfo: (info) => info.tcbLevels[0].tcb.sgxtcbcomponents.pop() },
  ],
  [
    'fifteen TDX components in a TCB level',
    'dcap/tcb-info-malformed',
    { tcbInfo: (info) => info.tcbLevels[0].tcb.tdxtcbcomponents.pop() },
  ],
  [
    'an unknown TCB status',
    'dcap/tcb-info-malformed',
    { tcbInfo: (info) => Object.assign(info.tcbLevels[0], { tcbStatus: 'Fine' }) },
  ],
  [
    'an unknown QE status',
    'dcap/qe-identity-malformed',
    { identity: (identity) => Object.assign(identity.tcbLevels[0], { tcbStatus: 'Fine' }) },
  ],
];
