/**
 * NVIDIA reference integrity manifests. Proves: NVIDIA signed these golden measurements, with a certificate in force at `now`.
 *   1. SHA-384 of the document without its signature      2. ECDSA P-384 over SignedInfo by the first listed certificate
 *   3. its path to the pinned manifest root
 * Sources: W3C XML Signature 1.1 §3.2; NVIDIA nvtrust.
 */

import { bufferSource, equalBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { anchorDigest } from '../../certificates/anchor.ts';
import { type VerifiedPath, verifyPath } from '../../certificates/path.ts';
import { NVIDIA_RIM_ROOTS } from '../../certificates/roots/nvidia.ts';
import { verifySignature } from '../../certificates/signature.ts';
import { resolveTrust } from '../../certificates/trust.ts';
import { readCertificate, type VerificationCache } from '../../certificates/verification-cache.ts';
import type { Certificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import { looksLikeRim, parseRim, type Rim } from '../../evidence/nvidia/rim.ts';
import { type Check, notChecked, pass } from '../../model/check.ts';
import type { NvidiaRimClaims, VerifiedClaims } from '../../model/claims.ts';
import type { TeeVerifier, VerifyOptions } from '../../model/verification.ts';
import { mint } from '../mint.ts';

export interface VerifiedRim {
  readonly rim: Rim;
  readonly path: VerifiedPath;
  /** What the steps returned. */
  readonly checks: readonly Check[];
}

/**
 * Authenticates a manifest.
 * @throws {AttestationError} `nvidia/rim-digest-mismatch`, `nvidia/rim-signature-invalid`, and `certificate/*` of the path.
 * @example (await verifyRim(parseRim(xml), { now })).rim.version
 */
export async function verifyRim(rim: Rim, options: Pick<VerifyOptions, 'now' | 'trust' | 'cache'>): Promise<VerifiedRim> {
  const { now, trust, cache } = options;
  const digest = await checkDigest(rim);
  const chain = rim.certificates.map((der) => readCertificate(der, cache));
  const signature = await checkSignature(rim, chain, cache);
  const path = await verifyPath({ chain, anchors: [...NVIDIA_RIM_ROOTS, ...resolveTrust(trust).anchors], now, cache });
  const ofPath = pass('nvidia-rim.certificate-path', 'RFC 5280 §6.1', path.anchor.name);
  return { rim, path, checks: [digest, signature, ofPath] };
}

async function checkDigest(rim: Rim): Promise<Check> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-384', bufferSource(rim.covered)));
  if (!equalBytes(digest, rim.digest)) {
    throw new AttestationError(
      'nvidia/rim-digest-mismatch',
      'expected the signed digest of the manifest, got another; it was edited',
      {
        details: { version: rim.version, expected: encodeHex(rim.digest), actual: encodeHex(digest) },
      },
    );
  }
  return pass('nvidia-rim.digest', 'W3C XML Signature §3.2.1', encodeHex(rim.digest));
}

async function checkSignature(rim: Rim, chain: readonly Certificate[], cache: VerificationCache | undefined): Promise<Check> {
  const [signer] = chain;
  const good =
    signer?.publicKey === 'P-384' &&
    (await verifySignature({
      spki: signer.spki,
      algorithm: { name: 'ECDSA', hash: 'SHA-384' },
      signature: rim.signature,
      message: rim.signedInfo,
      signatureForm: 'raw',
      remember: true,
      cache,
    }));
  if (!good) {
    throw new AttestationError(
      'nvidia/rim-signature-invalid',
      'expected a manifest signed by its first certificate, got a bad signature; it was changed',
      {
        details: { version: rim.version, certificates: chain.length },
      },
    );
  }
  return pass('nvidia-rim.signature', 'W3C XML Signature §3.2.2', signer?.subjectText ?? '');
}

/** The plug for a manifest that is asked about by itself: reference values, never evidence of a device. */
export const nvidiaRimVerifier: TeeVerifier<Rim, NvidiaRimClaims> = {
  type: 'nvidia-rim',
  recognise: (bytes) => (looksLikeRim(bytes) ? { type: 'nvidia-rim', value: parseRim(bytes) } : null),
  verify: async ({ value }, options) => claimsOf(await verifyRim(value, options)),
};

function claimsOf({ rim, path, checks }: VerifiedRim): VerifiedClaims<NvidiaRimClaims> {
  const active = rim.measurements.filter((each) => each.active);
  return mint({
    type: 'nvidia-rim',
    simulated: path.anchor.simulated,
    debug: null,
    measurements: {},
    bindings: { reportData: null, nonce: null, userData: null, publicKey: null },
    identity: { product: rim.product, version: rim.version, subject: rim.subject, 'tag-id': rim.tagId },
    tcb: null,
    issuedAt: null,
    validity: { notBefore: path.notBefore, notAfter: path.notAfter },
    root: anchorDigest(path.anchor),
    checks: [
      ...checks,
      notChecked('nvidia-rim.device', 'TCG RIM 1.01', 'a manifest says what firmware should be, not what any device runs'),
    ],
    submodules: {},
    details: {
      manufacturer: rim.manufacturer,
      measurements: active.map(({ index, name, values }) => ({ index, name, values })),
      activeMeasurements: active.length,
    },
  });
}
