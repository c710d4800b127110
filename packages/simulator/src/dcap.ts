/**
 * DCAP quotes (versions 3, 4 and 5, SGX and TDX) and Intel-shaped collateral under a fake root, sound or with any one defect. Certificates
 * bear the names of Intel's, because some verifiers compare them; keys are made here.
 * Every stage has a hook that spoils it before it is signed, and a signer that can be exchanged.
 */

import type { Endorsement, TrustAnchor } from '@assay/attestation';
import { trustAnchor } from '@assay/attestation';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer, encodeDerOid, encodeDerUnsigned } from '@assay/encoding/der-writer';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import type { ExtensionFields } from '@assay/encoding/x509-writer';
import {
  CA_EXTENSIONS,
  CRL_EXTENSIONS,
  crlDistributionPoint,
  FAKE_NOW,
  type FakeCertificate,
  type FakeCertificateOptions,
  type FakeCrlOptions,
  type FakeKey,
  fakeCertificate,
  fakeCrl,
  fakeKey,
  KEY_IDENTIFIERS,
  LEAF_EXTENSIONS,
} from './pki.ts';

/** A JSON document before it is signed; tests change it in place. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into signed documents by name
export type LooseJson = any;

export interface FakeDcapOptions {
  readonly tee?: 'sgx' | 'tdx';
  /** Default: 4 for TDX and 3 for SGX. */
  readonly version?: 3 | 4 | 5;
  /** TDX, version 5 only. */
  readonly tdReport?: '1.0' | '1.5' | '1.5-ex';
  /** Changes the header in place before signing, 48 bytes. */
  readonly header?: (header: Uint8Array) => void;
  /** Changes the enclave or TD report in place before signing. */
  readonly body?: (body: Uint8Array) => void;
  /** Changes the QE report in place before signing, 384 bytes. */
  readonly qeReport?: (report: Uint8Array) => void;
  readonly quoteSigner?: FakeKey;
  readonly qeReportSigner?: FakeKey;
  /** Replaces the attestation key in the quote, 64 bytes; the QE report vouches for it. */
  readonly attestationKey?: Uint8Array;
  readonly certification?: { readonly type: number; readonly data: Uint8Array };
  /** PEM of the certification data; default: the three certificates in order. */
  readonly chain?: (pck: FakeCertificate, ca: FakeCertificate, root: FakeCertificate) => readonly FakeCertificate[];
  readonly pck?: Partial<FakeCertificateOptions>;
  /** SGX extension of the PCK certificate; `null` leaves it out. */
  readonly sgxExtension?: Uint8Array | null;
  readonly ca?: Partial<FakeCertificateOptions>;
  readonly root?: Partial<FakeCertificateOptions>;
  readonly tcbSigning?: Partial<FakeCertificateOptions>;
  readonly tcbInfo?: (document: LooseJson) => void;
  readonly identity?: (document: LooseJson) => void;
  readonly tcbInfoSigner?: FakeKey;
  readonly identitySigner?: FakeKey;
  readonly rootCrl?: Partial<FakeCrlOptions>;
  readonly pckCrl?: Partial<FakeCrlOptions>;
  /** Last word on the collateral: drop, double or reorder pieces. */
  readonly endorsements?: (pieces: Endorsement[]) => Endorsement[];
  readonly simulated?: boolean;
  /** Certificates and collateral of an earlier quote, which this one is signed under as well. */
  readonly issued?: FakeDcap | undefined;
}

export interface FakeDcap {
  readonly quote: Uint8Array;
  readonly endorsements: readonly Endorsement[];
  readonly anchors: readonly TrustAnchor[];
  readonly root: FakeCertificate;
  /** The PCK CA and the PCK certificate. */
  readonly ca: FakeCertificate;
  readonly pck: FakeCertificate;
  /** The instant in which everything is in force, epoch milliseconds. */
  readonly now: number;
}

export const FAKE_FMSPC: Uint8Array = Uint8Array.of(0x90, 0xc0, 0x6f, 0, 0, 0);
export const FAKE_PCE_ID: Uint8Array = Uint8Array.of(0, 0);
/** SVNs of the fake platform: all sixteen components, and PCESVN. */
export const FAKE_SVN = 5;
export const FAKE_PCE_SVN = 13;
/** TDX module 1.5 (version 3), minor SVN 5, then fourteen more components. */
export const FAKE_TEE_TCB_SVN: Uint8Array = Uint8Array.of(5, 3, ...new Array<number>(14).fill(FAKE_SVN));
const PCK_CRL = 'https://certificates.example/sgx/certification/v4/pckcrl?ca=platform';
const QE_ISV_SVN = 8;
const INTEL_VENDOR = Uint8Array.of(0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 6, 7);
const TD_LENGTHS = { '1.0': 584, '1.5': 648, '1.5-ex': 885 } as const;
const TD_BODY_TYPES = { '1.0': 2, '1.5': 3, '1.5-ex': 4 } as const;
const QE_MRSIGNER = new Uint8Array(32).fill(0xdc);

/**
 * One quote and everything needed to verify it.
 * @example const { quote } = await fakeDcap({ tee: 'tdx' })
 */
export async function fakeDcap(options: FakeDcapOptions = {}): Promise<FakeDcap> {
  const tee = options.tee ?? 'tdx';
  const { issued } = options;
  if (issued !== undefined) return { ...issued, quote: await quote(options, tee, issued) };
  const key = (label: string) => fakeKey('P-256', `dcap ${label}`);
  const root = await fakeCertificate({
    name: 'Intel SGX Root CA',
    key: await key('root'),
    extensions: [...CA_EXTENSIONS(1), crlDistributionPoint('https://certificates.example/IntelSGXRootCA.der')],
    ...options.root,
  });
  const ca = await fakeCertificate({
    name: 'Intel SGX PCK Platform CA',
    key: await key('ca'),
    issuer: root,
    serial: Uint8Array.of(2),
    extensions: CA_EXTENSIONS(0),
    ...options.ca,
  });
  const sgx = options.sgxExtension === undefined ? fakeSgxExtension() : options.sgxExtension;
  const pck = await fakeCertificate({
    name: 'Intel SGX PCK Certificate',
    key: await key('pck'),
    issuer: ca,
    serial: Uint8Array.of(3),
    extensions: [
      ...LEAF_EXTENSIONS,
      ...KEY_IDENTIFIERS,
      crlDistributionPoint(PCK_CRL),
      ...(sgx === null ? [] : [sgxExtensionFields(sgx)]),
    ],
    ...options.pck,
  });
  const tcbSigning = await fakeCertificate({
    name: 'Intel SGX TCB Signing',
    key: await key('tcb signing'),
    issuer: root,
    serial: Uint8Array.of(4),
    ...options.tcbSigning,
  });
  const pieces = await collateral(options, tee, { root, ca, tcbSigning });
  return {
    quote: await quote(options, tee, { pck, ca, root }),
    endorsements: options.endorsements?.(pieces) ?? pieces,
    anchors: [trustAnchor('fake intel root', root.der, { simulated: options.simulated ?? true })],
    ...{ root, ca, pck },
    now: FAKE_NOW,
  };
}

interface Issued {
  readonly pck: FakeCertificate;
  readonly ca: FakeCertificate;
  readonly root: FakeCertificate;
}

async function quote(options: FakeDcapOptions, tee: 'sgx' | 'tdx', { pck, ca, root }: Issued): Promise<Uint8Array> {
  const version = options.version ?? (tee === 'sgx' ? 3 : 4);
  const tdReport = options.tdReport ?? '1.0';
  const header = concatBytes(
    u16(version),
    u16(2),
    u32(tee === 'sgx' ? 0 : 0x81),
    u16(0),
    u16(0),
    INTEL_VENDOR,
    new Uint8Array(20),
  );
  options.header?.(header);
  const body = tee === 'sgx' ? enclaveReport() : tdReportBody(tdReport);
  options.body?.(body);
  const descriptor =
    version === 5 ? concatBytes(u16(tee === 'sgx' ? 1 : TD_BODY_TYPES[tdReport]), u32(body.length)) : new Uint8Array(0);
  const signed = concatBytes(header, descriptor, body);

  const attestation = await fakeKey('P-256', 'dcap attestation');
  const attestationKey = options.attestationKey ?? attestation.spki.slice(-64);
  const authData = new Uint8Array(32).map((_, index) => index);
  const qeReport = enclaveReport();
  qeReport.set(QE_MRSIGNER, 128);
  qeReport.set(u16(tee === 'sgx' ? 1 : 2), 256);
  qeReport.set(u16(QE_ISV_SVN), 258);
  qeReport.fill(0, 320);
  qeReport.set(new Uint8Array(await crypto.subtle.digest('SHA-256', concatBytes(attestationKey, authData))), 320);
  options.qeReport?.(qeReport);
  const qeReportSignature = await (options.qeReportSigner ?? pck.key).signRaw(qeReport);

  const chain = options.chain?.(pck, ca, root) ?? [pck, ca, root];
  const pem = chain.map(({ der }) => encodePem('CERTIFICATE', der)).join('');
  const { type, data } = options.certification ?? { type: 5, data: utf8(`${pem}\0`) };
  const certified = concatBytes(qeReport, qeReportSignature, u16(authData.length), authData, u16(type), u32(data.length), data);
  const wrapped = version === 3 ? certified : concatBytes(u16(6), u32(certified.length), certified);
  const signature = await (options.quoteSigner ?? attestation).signRaw(signed);
  const signatureData = concatBytes(signature, attestationKey, wrapped);
  return concatBytes(signed, u32(signatureData.length), signatureData);
}

/** An enclave report whose every field differs from zero where it may. */
function enclaveReport(): Uint8Array {
  const report = new Uint8Array(384);
  report.fill(FAKE_SVN, 0, 16);
  report.set([0x15], 48);
  report.fill(0xe1, 64, 96);
  report.fill(0x51, 128, 160);
  report.set(u16(1), 256);
  report.set(u16(2), 258);
  report.fill(0xda, 320, 384);
  return report;
}

function tdReportBody(version: keyof typeof TD_LENGTHS): Uint8Array {
  const body = new Uint8Array(TD_LENGTHS[version]);
  body.set(FAKE_TEE_TCB_SVN, 0);
  body.fill(0x5e, 16, 64);
  body.set([0, 0, 0, 0x10], 120);
  body.set([0xe7, 0x02, 0x06], 128);
  body.fill(0x7d, 136, 184);
  for (let register = 0; register < 4; register++) body.fill(0xa0 + register, 328 + 48 * register, 376 + 48 * register);
  body.fill(0xda, 520, 584);
  if (version !== '1.0') body.set(FAKE_TEE_TCB_SVN, 584);
  return body;
}

interface Authorities {
  readonly root: FakeCertificate;
  readonly ca: FakeCertificate;
  readonly tcbSigning: FakeCertificate;
}

async function collateral(
  options: FakeDcapOptions,
  tee: 'sgx' | 'tdx',
  { root, ca, tcbSigning }: Authorities,
): Promise<Endorsement[]> {
  const issuerChain = [tcbSigning.der, root.der];
  const tcbInfo = tcbInfoDocument(tee);
  options.tcbInfo?.(tcbInfo);
  const identity = identityDocument(tee);
  options.identity?.(identity);
  const [infoBody, identityBody] = [utf8(JSON.stringify(tcbInfo)), utf8(JSON.stringify(identity))];
  const infoSignature = await (options.tcbInfoSigner ?? tcbSigning.key).signRaw(infoBody);
  const identitySignature = await (options.identitySigner ?? tcbSigning.key).signRaw(identityBody);
  return [
    { kind: 'tcb-info', body: infoBody, signature: infoSignature, issuerChain },
    { kind: 'enclave-identity', body: identityBody, signature: identitySignature, issuerChain },
    { kind: 'crl', der: await fakeCrl({ issuer: root, extensions: CRL_EXTENSIONS, ...options.rootCrl }) },
    { kind: 'crl', der: await fakeCrl({ issuer: ca, extensions: CRL_EXTENSIONS, ...options.pckCrl }) },
  ];
}

const DAY = 86_400_000;
/**
 * RFC 3339 instant some days from {@link FAKE_NOW}.
 * @example fakeInstant(30) // thirty days after FAKE_NOW
 */
export function fakeInstant(days: number): string {
  return new Date(FAKE_NOW + days * DAY).toISOString().replace('.000Z', 'Z');
}

function tcbInfoDocument(tee: 'sgx' | 'tdx'): LooseJson {
  const components = (svn: number) => Array.from({ length: 16 }, () => ({ svn }));
  const level = (svn: number, pcesvn: number, tcbStatus: string, advisoryIDs: readonly string[]) => ({
    tcb: {
      sgxtcbcomponents: components(svn),
      pcesvn,
      ...(tee === 'tdx' ? { tdxtcbcomponents: components(svn).with(1, { svn: 0 }) } : {}),
    },
    tcbDate: tcbStatus === 'UpToDate' ? '2026-01-01T00:00:00Z' : '2024-01-01T00:00:00Z',
    tcbStatus,
    ...(advisoryIDs.length === 0 ? {} : { advisoryIDs }),
  });
  return {
    id: tee.toUpperCase(),
    version: 3,
    issueDate: fakeInstant(-1),
    nextUpdate: fakeInstant(1),
    fmspc: encodeHex(FAKE_FMSPC),
    pceId: encodeHex(FAKE_PCE_ID),
    tcbType: 0,
    tcbEvaluationDataNumber: 18,
    ...(tee === 'tdx' ? tdxModules() : {}),
    tcbLevels: [level(FAKE_SVN, FAKE_PCE_SVN, 'UpToDate', []), level(1, 5, 'OutOfDate', ['INTEL-SA-00001', 'INTEL-SA-00002'])],
  };
}

function tdxModules(): LooseJson {
  const module = { mrsigner: '00'.repeat(48), attributes: '00'.repeat(8), attributesMask: 'ff'.repeat(8) };
  const levels = [
    { tcb: { isvsvn: 5 }, tcbDate: '2026-01-01T00:00:00Z', tcbStatus: 'UpToDate' },
    { tcb: { isvsvn: 2 }, tcbDate: '2024-06-01T00:00:00Z', tcbStatus: 'OutOfDate', advisoryIDs: ['INTEL-SA-00003'] },
  ];
  return { tdxModule: module, tdxModuleIdentities: [{ id: 'TDX_03', ...module, tcbLevels: levels }] };
}

function identityDocument(tee: 'sgx' | 'tdx'): LooseJson {
  return {
    id: tee === 'sgx' ? 'QE' : 'TD_QE',
    version: 2,
    issueDate: fakeInstant(-1),
    nextUpdate: fakeInstant(1),
    tcbEvaluationDataNumber: 17,
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes: '15000000000000000000000000000000',
    attributesMask: 'FFFFFFFFFFFFFFFF0000000000000000',
    mrsigner: encodeHex(QE_MRSIGNER).toUpperCase(),
    isvprodid: tee === 'sgx' ? 1 : 2,
    tcbLevels: [
      { tcb: { isvsvn: QE_ISV_SVN }, tcbDate: '2026-01-01T00:00:00Z', tcbStatus: 'UpToDate' },
      { tcb: { isvsvn: 4 }, tcbDate: '2023-01-01T00:00:00Z', tcbStatus: 'OutOfDate', advisoryIDs: ['INTEL-SA-00004'] },
    ],
  };
}

const SGX_OID = '1.2.840.113741.1.13.1';

export interface FakeSgxExtensionOptions {
  /** Sixteen component SVNs. */
  readonly components?: readonly number[];
  readonly pceSvn?: number;
  readonly fmspc?: Uint8Array;
  readonly pceId?: Uint8Array;
}

/**
 * Value of the SGX extension of a PCK certificate.
 * @example fakeSgxExtension({ pceSvn: 11 })
 */
export function fakeSgxExtension(options: FakeSgxExtensionOptions = {}): Uint8Array {
  const { components = new Array<number>(16).fill(FAKE_SVN), pceSvn = FAKE_PCE_SVN } = options;
  const octets = (bytes: Uint8Array) => encodeDer(DER_TAG.octetString, bytes);
  const tcb = [
    ...components.map((svn, index) => pair(`2.${index + 1}`, encodeDerUnsigned(Uint8Array.of(svn)))),
    pair('2.17', encodeDerUnsigned(Uint8Array.of(pceSvn >> 8, pceSvn & 0xff))),
    pair('2.18', octets(Uint8Array.from(components))),
  ];
  const boolean = (value: boolean) => encodeDer(DER_TAG.boolean, Uint8Array.of(value ? 0xff : 0));
  return encodeDer(
    DER_TAG.sequence,
    pair('1', octets(new Uint8Array(16).fill(0x99))),
    pair('2', encodeDer(DER_TAG.sequence, ...tcb)),
    pair('3', octets(options.pceId ?? FAKE_PCE_ID)),
    pair('4', octets(options.fmspc ?? FAKE_FMSPC)),
    pair('5', encodeDer(DER_TAG.enumerated, Uint8Array.of(1))),
    pair('6', octets(new Uint8Array(16).fill(0x77))),
    pair('7', encodeDer(DER_TAG.sequence, pair('7.1', boolean(true)), pair('7.2', boolean(false)), pair('7.3', boolean(true)))),
  );
}

function sgxExtensionFields(value: Uint8Array): ExtensionFields {
  return { oid: SGX_OID, critical: false, value };
}

function pair(arc: string, value: Uint8Array): Uint8Array {
  return encodeDer(DER_TAG.sequence, encodeDerOid(`${SGX_OID}.${arc}`), value);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24);
}
