/** SEV-SNP reports and their keys, shaped like AMD's under a fake root, sound or with any one defect. */

import {
  type Endorsements,
  type NamedClaims,
  type TrustAnchor,
  trustAnchor,
  VerificationCache,
  verifyEvidence,
} from '@assay/attestation';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer, encodeDerUnsigned } from '@assay/encoding/der-writer';
import type { ExtensionFields } from '@assay/encoding/x509-writer';
import {
  CA_EXTENSIONS,
  crlDistributionPoint,
  FAKE_NOW,
  type FakeCertificate,
  type FakeKey,
  fakeCertificate,
  fakeKey,
} from './pki.ts';

export type FakeSnpProduct = 'Milan' | 'Genoa' | 'Turin';

export interface FakeSnpOptions {
  /** Default: Genoa. */
  readonly product?: FakeSnpProduct;
  /** Default: 5. */
  readonly version?: number;
  /** Default: `vcek`. */
  readonly signingKey?: 'vcek' | 'vlek';
  /** Changes the report before it is signed: 1184 bytes. */
  readonly edit?: (report: Uint8Array, view: DataView) => void;
  /** Changes the whole file afterwards. */
  readonly editSigned?: (report: Uint8Array) => void;
  /** Replaces extensions of the key by the last arcs of their identifiers (`2`, `3.8`, `4`); `null` takes one out. */
  readonly extensions?: Readonly<Record<string, Uint8Array | null>>;
  /** Signs the report with this key instead of the certified one. */
  readonly signer?: FakeKey;
  readonly keyName?: string;
  readonly keyKind?: 'P-384' | 'P-256';
  /** Another chip's key has another label. */
  readonly keyLabel?: string;
  readonly breakKeyCertificate?: boolean;
  /** Epoch milliseconds. */
  readonly keyNotBefore?: number;
  readonly keyNotAfter?: number;
  /** The root's RSA-PSS key instead of this process's own. */
  readonly rootKey?: FakeKey;
  /** Certificates of an earlier report, which this one is signed under as well. */
  readonly issued?: FakeSnp | undefined;
  /** Of all certificates, epoch milliseconds; default: around {@link FAKE_NOW}. */
  readonly validity?: { readonly notBefore: number; readonly notAfter: number };
}

export interface FakeSnp {
  readonly report: Uint8Array;
  /** DER. */
  readonly key: Uint8Array;
  /** ASK or ASVK, and ARK; DER inside. */
  readonly intermediate: FakeCertificate;
  readonly root: FakeCertificate;
  /** Key, intermediate and root, DER. */
  readonly chain: readonly Uint8Array[];
  readonly anchor: TrustAnchor;
}

/** Names of AMD's certificates, which some verifiers compare. */
const AMD = { OU: 'Engineering', C: 'US', L: 'Santa Clara', ST: 'CA', O: 'Advanced Micro Devices' };
const CPUID: Readonly<Record<FakeSnpProduct, readonly [number, number, number]>> = {
  Milan: [0x19, 0x01, 1],
  Genoa: [0x19, 0x11, 1],
  Turin: [0x1a, 0x02, 1],
};
const MILAN_TCB = Uint8Array.of(10, 0, 0, 0, 0, 0, 23, 84);
const TURIN_TCB = Uint8Array.of(1, 2, 0, 4, 0, 0, 0, 71);
/** Last arcs of the levels in TCB_VERSION, lowest byte first. */
const MILAN_ARCS = ['3.1', '3.2', '3.4', '3.5', '3.6', '3.7', '3.3', '3.8'];
const TURIN_ARCS = ['3.9', '3.1', '3.2', '3.3', '3.5', '3.6', '3.7', '3.8'];
const CHIP = Uint8Array.from({ length: 64 }, (_, index) => 200 - index);

/**
 * A report with a key for it.
 * @example const { report, chain } = await fakeSnp({ product: 'Genoa' })
 */
export async function fakeSnp(options: FakeSnpOptions = {}): Promise<FakeSnp> {
  const { product = 'Genoa', signingKey = 'vcek' } = options;
  const tcb = product === 'Turin' ? TURIN_TCB : MILAN_TCB;
  if (options.issued !== undefined) {
    const signer = options.signer ?? (await fakeKey(options.keyKind ?? 'P-384', options.keyLabel ?? 'vcek'));
    return { ...options.issued, report: await fakeReport(options, product, tcb, signer) };
  }
  const root = await fakeCertificate({
    name: `ARK-${product}`,
    attributes: AMD,
    key: options.rootKey ?? (await fakeKey('RSA-PSS', 'ark')),
    ...options.validity,
    extensions: [...CA_EXTENSIONS(), crlDistributionPoint(`https://kdsintf.amd.com/vcek/v1/${product}/crl`)],
  });
  const intermediate = await fakeCertificate({
    name: signingKey === 'vcek' ? `SEV-${product}` : `SEV-VLEK-${product}`,
    attributes: AMD,
    key: await fakeKey('RSA-PSS', 'ask'),
    ...options.validity,
    issuer: root,
    serial: Uint8Array.of(2),
    extensions: [...CA_EXTENSIONS(0), crlDistributionPoint(`https://kdsintf.amd.com/${signingKey}/v1/${product}/crl`)],
  });
  const key = await fakeCertificate({
    name: options.keyName ?? `SEV-${signingKey.toUpperCase()}`,
    attributes: AMD,
    key: await fakeKey(options.keyKind ?? 'P-384', options.keyLabel ?? 'vcek'),
    issuer: intermediate,
    serial: Uint8Array.of(0),
    extensions: keyExtensions(product, signingKey, tcb, options.extensions ?? {}),
    breakSignature: options.breakKeyCertificate ?? false,
    ...options.validity,
    ...(options.keyNotBefore !== undefined && { notBefore: options.keyNotBefore }),
    ...(options.keyNotAfter !== undefined && { notAfter: options.keyNotAfter }),
  });
  return {
    report: await fakeReport(options, product, tcb, options.signer ?? key.key),
    key: key.der,
    intermediate,
    root,
    chain: [key.der, intermediate.der, root.der],
    anchor: trustAnchor(`fake ark ${product}`, root.der, { simulated: true }),
  };
}

function keyExtensions(
  product: FakeSnpProduct,
  signingKey: 'vcek' | 'vlek',
  tcb: Uint8Array,
  replaced: Readonly<Record<string, Uint8Array | null>>,
): readonly ExtensionFields[] {
  const arcs = product === 'Turin' ? TURIN_ARCS : MILAN_ARCS;
  const values: Record<string, Uint8Array | null> = {
    '1': encodeDerUnsigned(Uint8Array.of(1)),
    '2': encodeDer(DER_TAG.ia5String, utf8(product)),
    ...Object.fromEntries(arcs.map((arc, at) => [arc, encodeDerUnsigned(tcb.subarray(at, at + 1))])),
    ...(signingKey === 'vcek'
      ? { '4': product === 'Turin' ? CHIP.subarray(0, 8) : CHIP }
      : { '5': encodeDer(DER_TAG.ia5String, utf8('CN=cloud.example')) }),
    ...replaced,
  };
  return Object.entries(values).flatMap(([arc, value]) =>
    value === null ? [] : [{ oid: `1.3.6.1.4.1.3704.1.${arc}`, critical: false, value }],
  );
}

async function fakeReport(
  options: FakeSnpOptions,
  product: FakeSnpProduct,
  tcb: Uint8Array,
  signer: FakeKey,
): Promise<Uint8Array> {
  const { version = 5, signingKey = 'vcek' } = options;
  const report = new Uint8Array(1184);
  const view = new DataView(report.buffer);
  view.setUint32(0x00, version, true);
  view.setUint32(0x04, 3, true);
  view.setBigUint64(0x08, 0x30000n, true);
  view.setUint32(0x34, 1, true);
  view.setBigUint64(0x40, 0x25n, true);
  view.setUint32(0x48, signingKey === 'vcek' ? 0 : 1 << 2, true);
  report.fill(0xda, 0x50, 0x90);
  report.fill(0x3e, 0x90, 0xc0);
  for (const offset of [0x38, 0x180, 0x1e0, 0x1f0]) report.set(tcb, offset);
  if (version >= 3) report.set(CPUID[product], 0x188);
  if (signingKey === 'vcek') report.set(product === 'Turin' ? CHIP.subarray(0, 8) : CHIP, 0x1a0);
  report.set([40, 55, 1, 0, 40, 55, 1], 0x1e8);
  options.edit?.(report, view);
  const signature = await signer.signRaw(report.subarray(0, 0x2a0));
  const half = signature.length / 2;
  report.set(signature.slice(0, half).reverse(), 0x2a0);
  report.set(signature.slice(half).reverse(), 0x2a0 + 72);
  options.editSigned?.(report);
  return report;
}

/**
 * GUID hex and content of each entry → a certificate table as hosts hand it out.
 * @example fakeCertificateTable([['63da758de6644564adc5f4b93be8accd', vcek]])
 */
export function fakeCertificateTable(entries: readonly (readonly [guid: string, content: Uint8Array])[]): Uint8Array {
  let offset = 24 * (entries.length + 1);
  const headers = entries.map(([guid, content]) => {
    const header = new Uint8Array(24);
    header.set(Uint8Array.from(guid.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
    const view = new DataView(header.buffer);
    view.setUint32(16, offset, true);
    view.setUint32(20, content.length, true);
    offset += content.length;
    return header;
  });
  return concatBytes(...headers, new Uint8Array(24), ...entries.map(([, content]) => content));
}

export interface FakeAttempt {
  /** Default: the bare evidence. */
  readonly file?: Uint8Array;
  /** Default: its whole chain. */
  readonly endorsements?: Endorsements;
  /** Epoch milliseconds; default: {@link FAKE_NOW}. */
  readonly now?: number;
}

/** Shared, so that a defect is refused also by a verifier that remembers the sound ones. */
const cache = new VerificationCache();

/**
 * Recognises and verifies a fake report, or a file made of it, with its root trusted.
 * @example const claims = await verifyFakeSnp(await fakeSnp())
 */
export function verifyFakeSnp(fake: FakeSnp, attempt: FakeAttempt = {}): Promise<NamedClaims> {
  return verifyEvidence(attempt.file ?? fake.report, {
    now: attempt.now ?? FAKE_NOW,
    endorsements: attempt.endorsements ?? certificatesOf(fake.chain),
    cache,
    trust: { roots: [fake.anchor] },
  });
}

/**
 * Certificates as endorsements, DER.
 * @example const endorsements = certificatesOf([vcek, ask, ark])
 */
export function certificatesOf(ders: readonly Uint8Array[]): Endorsements {
  return ders.map((der) => ({ kind: 'certificate', der }));
}
