/**
 * Verifies AWS Nitro attestation documents. Proves: the Nitro hypervisor signed exactly this payload with a leaf whose chain ends at
 * AWS root G1 (or at an anchor the caller added), and every certificate was in force at `now`. In order:
 *   1. syntax (evidence/nitro)
 *   2. protected header is { alg: ES384 } and nothing else; the leaf key is P-384
 *   3. path leaf → cabundle reversed → pinned key (certificates/path); revocation where CRLs are given
 *   4. ES384 signature over Sig_structure (RFC 9052 §4.4)
 * Not checked here: PCR values, debug mode, age, nonce, user data: all of them are claims for appraisal. Leaves live three hours,
 * so `now` is the time of receipt, not of reading.
 * NitroTPM documents come from the same root and tell of a whole EC2 instance, which no enclave protects and whose software extends
 * most registers at will. Their claims have another type, `tpm`, and other names, `nitrotpm-pcr0` …, so that no rule for an enclave
 * can be met by replaying an enclave's digests into a TPM.
 * Sources: https://github.com/aws/aws-nitro-enclaves-nsm-api/blob/main/docs/attestation_process.md §3.2; EC2 user guide, "Validate a
 * NitroTPM Attestation Document".
 */

import { bufferSource } from '@assay/encoding/bytes';
import { sigStructure } from '@assay/encoding/cose';
import { encodeHex } from '@assay/encoding/hex';
import { type CertificateList, parseCrl } from '../../certificates/crl.ts';
import { type VerifiedPath, verifyPath } from '../../certificates/path.ts';
import { AWS_NITRO_ROOTS } from '../../certificates/roots/aws.ts';
import { verifySignature } from '../../certificates/signature.ts';
import { resolveTrust } from '../../certificates/trust.ts';
import { readCertificate, type VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import { type NitroDocument, nitroDocumentBytes, parseNitroDocument } from '../../evidence/nitro/nitro-document.ts';
import { type Check, notChecked, pass } from '../../model/check.ts';
import type { NitroClaims, TpmClaims, VerifiedClaims } from '../../model/claims.ts';
import type { TeeVerifier, TrustAnchor } from '../../model/verification.ts';
import { mint } from '../mint.ts';

const SPEC = 'AWS Nitro attestation process';
const ALG_LABEL = 1; // RFC 9052 §3.1
const ES384 = -35; // RFC 9053 §2.1
const DEBUG_PCRS = [0, 1, 2] as const; // all zero in debug mode

export interface VerifyNitroOptions {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly anchors: readonly TrustAnchor[];
  readonly crls?: readonly CertificateList[];
  /** What was verified before; without one every check is made. */
  readonly cache?: VerificationCache | undefined;
}

/**
 * @throws {AttestationError} `nitro/algorithm-not-es384`, `nitro/signature-invalid`, and the `certificate/…` codes of
 * {@link verifyPath}.
 * @example await verifyNitroDocument(parseNitroDocument(bytes), { now: Date.now(), anchors: AWS_NITRO_ROOTS });
 */
export async function verifyNitroDocument(
  document: NitroDocument,
  options: VerifyNitroOptions,
): Promise<VerifiedClaims<NitroClaims | TpmClaims>> {
  const { cache } = options;
  const leaf = readCertificate(document.certificate, cache);
  const algorithm = checkAlgorithm(document, leaf);
  const issuers = document.cabundle.map((der) => readCertificate(der, cache)).reverse();
  const path = await verifyPath({ ...options, chain: [leaf, ...issuers] });
  const signature = await checkSignature(document, leaf, cache);
  const checks = [syntaxCheck(document), algorithm, ...pathChecks(path), signature, revocationCheck(path)];
  return mint(await claimsOf(document, path, checks));
}

function checkAlgorithm({ cose: { protectedHeader } }: NitroDocument, leaf: Certificate): Check {
  if (protectedHeader.size !== 1 || protectedHeader.get(ALG_LABEL) !== ES384) {
    throw new AttestationError('nitro/algorithm-not-es384', 'expected protected header {alg: ES384} alone, got another one');
  }
  if (leaf.publicKey !== 'P-384') {
    throw new AttestationError('nitro/algorithm-not-es384', `expected a p-384 leaf key, got ${leaf.publicKey}`);
  }
  return pass('nitro.algorithm', 'RFC 9053 §2.1', 'ES384');
}

async function checkSignature(
  { cose }: NitroDocument,
  leaf: Certificate,
  cache: VerificationCache | undefined,
): Promise<Check> {
  const good = await verifySignature({
    spki: leaf.spki,
    algorithm: { name: 'ECDSA', hash: 'SHA-384' },
    signature: cose.signature,
    message: sigStructure(cose),
    signatureForm: 'raw',
    cache,
  });
  if (!good) {
    throw new AttestationError(
      'nitro/signature-invalid',
      'expected a document signed by its leaf, got a bad signature; it was changed',
    );
  }
  return pass('nitro.signature', 'RFC 9052 §4.4', 'ES384 by the leaf');
}

async function claimsOf(
  document: NitroDocument,
  path: VerifiedPath,
  checks: readonly Check[],
): Promise<NitroClaims | TpmClaims> {
  const { module, pcrs, publicKey, userData, nonce, timestamp, moduleId } = document;
  const { anchor, chain, notBefore, notAfter } = path;
  const shared = {
    simulated: anchor.simulated,
    bindings: { reportData: null, nonce: hexOrNull(nonce), userData: hexOrNull(userData), publicKey: hexOrNull(publicKey) },
    identity: { 'module-id': moduleId },
    tcb: null,
    issuedAt: timestamp,
    validity: { notBefore, notAfter },
    root: encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(anchor.spki)))),
    checks,
    submodules: {},
    details: {
      digest: document.digest,
      certificates: chain.map(({ subjectText, serial, notBefore: from, notAfter: to }) => ({
        subject: subjectText,
        serial,
        notBefore: new Date(from).toISOString(),
        notAfter: new Date(to).toISOString(),
      })),
      anchor: anchor.name,
      module,
      nitriding: module === 'enclave' ? nitridingOf(userData) : null,
      unknownFields: document.unknownFields,
    },
  };
  return module === 'enclave'
    ? { ...shared, type: 'nitro', debug: isDebug(pcrs), measurements: registersOf(pcrs, 'pcr') }
    : { ...shared, type: 'tpm', debug: null, measurements: registersOf(pcrs, 'nitrotpm-pcr') };
}

function registersOf<Prefix extends 'pcr' | 'nitrotpm-pcr'>(
  pcrs: NitroDocument['pcrs'],
  prefix: Prefix,
): Readonly<Record<`${Prefix}${number}`, string>> {
  const registers = [...pcrs].map(([index, value]) => [`${prefix}${index}`, encodeHex(value)] as const);
  return Object.fromEntries(registers) as Readonly<Record<`${Prefix}${number}`, string>>;
}

function typeOf({ module }: NitroDocument): 'nitro' | 'tpm' {
  return module === 'enclave' ? 'nitro' : 'tpm';
}

/** A document exists only when the parser found every field in its form. */
function syntaxCheck({ pcrs, cabundle }: NitroDocument): Check {
  return pass('nitro.syntax', `${SPEC} §3.2.2.3`, `${pcrs.size} pcrs, ${cabundle.length} certificates in the bundle`);
}

function pathChecks({ chain, anchor, notBefore, notAfter }: VerifiedPath): readonly Check[] {
  const window = `${new Date(notBefore).toISOString()} to ${new Date(notAfter).toISOString()}`;
  return [
    pass('nitro.chain', 'RFC 5280 §6.1', `${chain.length} certificates`),
    pass('nitro.root', `${SPEC} §3.2.3`, anchor.name),
    pass('nitro.validity', 'RFC 5280 §4.1.2.5', window),
  ];
}

function revocationCheck({ chain, revocation }: VerifiedPath): Check {
  const unlisted = chain.filter((_, index) => revocation[index] !== 'good').length;
  return unlisted === 0
    ? pass('nitro.revocation', 'RFC 5280 §6.3', 'none revoked')
    : notChecked('nitro.revocation', 'RFC 5280 §6.3', `no crl for ${unlisted} of ${chain.length} certificates`);
}

/** In debug mode PCR0 to PCR2 are zero; a digest never is. `null` when none of the three is there. */
function isDebug(pcrs: ReadonlyMap<number, Uint8Array>): boolean | null {
  const values = DEBUG_PCRS.map((index) => pcrs.get(index)).filter((value) => value !== undefined);
  return values.length === 0 ? null : values.some((value) => value.every((byte) => byte === 0));
}

/** nitriding's user data: two SHA-256 multihashes (0x12 0x20), of the TLS certificate and of a key the application chose. */
function nitridingOf(userData: Uint8Array | null): { readonly tlsKeyHash: string; readonly appKeyHash: string } | null {
  const isTwoHashes = userData?.length === 68 && [0, 34].every((at) => userData[at] === 0x12 && userData[at + 1] === 0x20);
  if (!userData || !isTwoHashes) return null;
  return { tlsKeyHash: encodeHex(userData.subarray(2, 34)), appKeyHash: encodeHex(userData.subarray(36)) };
}

function hexOrNull(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : encodeHex(bytes);
}

/** The plug of AWS Nitro: documents of enclaves and of NitroTPM, in binary, base64 or hex. */
export const nitroVerifier: TeeVerifier<NitroDocument, NitroClaims | TpmClaims> = {
  type: 'nitro',
  recognise(file) {
    const bytes = nitroDocumentBytes(file);
    if (bytes === null) return null;
    const value = parseNitroDocument(bytes);
    return { type: typeOf(value), value };
  },
  verify(evidence, { now, endorsements = [], trust, cache }) {
    const crls = endorsements
      .filter(({ kind }) => kind === 'crl')
      .map((endorsement) => parseCrl((endorsement as { der: Uint8Array }).der));
    return verifyNitroDocument(evidence.value, {
      now,
      anchors: [...AWS_NITRO_ROOTS, ...resolveTrust(trust).anchors],
      crls,
      cache,
    });
  },
};
