/**
 * Checks one signature with WebCrypto, or with Node's own crypto where that is faster (native-ecdsa.ts). Proves: `message` was signed by the private half of `spki` under `algorithm`.
 * Ed25519 follows the rule of spec/keyset.md §1a. Not checked here: whose key that is (path.ts), and what the message says. ECDSA is not forced to low-s: none of the formats asks.
 */

import { bufferSource, concatBytes, equalBytes } from '@assay/encoding/bytes';
import { derSequence, derUnsigned, readDer } from '@assay/encoding/der';
import { isEd25519Form } from '@assay/encoding/ed25519-form';
import { encodeEcdsaSignature } from '@assay/encoding/x509-writer';
import { AttestationError } from '../errors.ts';
import { COORDINATE_BYTES, type PublicKeyAlgorithm, publicKeyAlgorithm, type SignatureAlgorithm } from './algorithms.ts';
import { NATIVE_HASH, type NativeEcdsaKey, nativeEcdsaKey } from './native-ecdsa.ts';
import type { KnownKey, VerificationCache } from './verification-cache.ts';

export interface VerifySignatureInput {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
  /** ECDSA only: `der` (X.509) or `raw` (r ‖ s, as in COSE, JOSE, SGX, TDX). Default: `der`. */
  readonly signatureForm?: 'der' | 'raw';
  /** Remember a good result of exactly these bytes. For certificates, not for evidence, which is never seen twice. */
  readonly remember?: boolean;
  /** How many keys are tried for this signature. P-384 blocks its thread for half a millisecond, so several are tried on WebCrypto's threads; 1 when left out. */
  readonly candidates?: number | undefined;
  readonly cache?: VerificationCache | undefined;
  /** What {@link openKey} gave for `spki`, where the caller keeps it; the cache's else. */
  readonly key?: KnownKey | undefined;
}

/**
 * True when the signature is good; false when it is not, or has no valid form.
 * @throws {AttestationError} `certificate/unsupported-algorithm` when the key cannot carry the algorithm.
 * @example await verifySignature({ spki, algorithm: { name: 'ECDSA', hash: 'SHA-384' }, signature, message, signatureForm: 'raw' })
 */
export async function verifySignature(input: VerifySignatureInput): Promise<boolean> {
  const { spki, algorithm, message, signatureForm = 'der', cache } = input;
  const memory = input.remember === true ? cache : undefined;
  if (memory !== undefined && isKnownGood(input, memory)) return true;
  const known = input.key ?? knownKey(spki, cache);
  const { kind } = known;
  const signature = algorithm.name === 'ECDSA' ? rawSignature(input.signature, kind, signatureForm) : input.signature;
  if (signature === null) return false;
  // The key is the last 32 bytes of its SubjectPublicKeyInfo (RFC 8410 §4).
  if (kind === 'Ed25519' && !isEd25519Form(spki.subarray(-32), signature)) return false;
  const native = nativeKey(known, input);
  const good =
    native === null
      ? await verifyOnTheWeb(await importKnown(known, spki, algorithm), input, signature)
      : native.verify(message, signatureForm === 'der' ? input.signature : encodeEcdsaSignature(signature));
  if (good && memory !== undefined) remember(input, memory);
  return good;
}

function verifyOnTheWeb(key: CryptoKey, { algorithm, message }: VerifySignatureInput, signature: Uint8Array): Promise<boolean> {
  return crypto.subtle.verify(verifyParameters(algorithm), key, bufferSource(signature), bufferSource(message));
}

/**
 * Node's key, where Node's crypto is the faster one: for every P-256 check, and for the P-384 one of evidence under its only candidate. Those of a
 * certificate chain, and of several candidates, are made on WebCrypto's threads.
 */
function nativeKey(known: KnownKey, input: VerifySignatureInput): NativeEcdsaKey | null {
  const { spki, algorithm, remember = false, candidates = 1 } = input;
  const { kind } = known;
  if (kind !== 'P-256' && (kind !== 'P-384' || remember || candidates > 1)) return null;
  if (algorithm.name !== 'ECDSA' || algorithm.hash !== NATIVE_HASH[kind]) return null;
  known.native ??= { key: nativeEcdsaKey(spki, kind) };
  return known.native.key;
}

/** One copy of everything that was compared, so that later changes to a caller's buffers change nothing. */
function remember(input: VerifySignatureInput, cache: VerificationCache): void {
  const { signature, spki, message } = input;
  const copy = concatBytes(signature, spki, message);
  const end = signature.length + spki.length;
  cache.good.keep(copy.subarray(0, signature.length), {
    label: memoryLabel(input),
    spki: copy.subarray(signature.length, end),
    message: copy.subarray(end),
  });
}

function isKnownGood(input: VerifySignatureInput, cache: VerificationCache): boolean {
  const known = cache.good.get(input.signature);
  if (known === undefined || known.label !== memoryLabel(input)) return false;
  return equalBytes(known.spki, input.spki) && equalBytes(known.message, input.message);
}

export interface ImportVerifyKeyInput {
  readonly spki: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly cache?: VerificationCache | undefined;
}

/** The WebCrypto key of `spki` for `algorithm`, from the cache when it was imported before. */
export function importVerifyKey({ spki, algorithm, cache }: ImportVerifyKeyInput): Promise<CryptoKey> {
  return importKnown(knownKey(spki, cache), spki, algorithm);
}

function knownKey(spki: Uint8Array, cache: VerificationCache | undefined): KnownKey {
  const before = cache?.keys.get(spki);
  if (before !== undefined) return before;
  const key = openKey(spki);
  cache?.keys.set(spki, key);
  return key;
}

/**
 * A key to check several signatures with, kept outside a cache. It is imported at the first check.
 * @throws {AttestationError} `certificate/unsupported-algorithm`; {@link EncodingError} for broken DER.
 */
export function openKey(spki: Uint8Array): KnownKey {
  return { kind: publicKeyAlgorithm(spki), imported: new Map() };
}

function importKnown({ kind, imported }: KnownKey, spki: Uint8Array, algorithm: SignatureAlgorithm): Promise<CryptoKey> {
  const label = algorithmLabel(algorithm);
  const before = imported.get(label);
  if (before !== undefined) return before;
  const key = importKey(spki, kind, algorithm);
  imported.set(label, key);
  return key;
}

async function importKey(spki: Uint8Array, kind: PublicKeyAlgorithm, algorithm: SignatureAlgorithm): Promise<CryptoKey> {
  const family = kind === 'RSA' || kind === 'Ed25519' ? kind : 'ECDSA';
  const wanted = algorithm.name === 'ECDSA' || algorithm.name === 'Ed25519' ? algorithm.name : 'RSA';
  if (family !== wanted) {
    throw new AttestationError(
      'certificate/unsupported-algorithm',
      `expected a key for ${algorithm.name}, got ${kind}; check which key is named as the signer`,
    );
  }
  try {
    return await crypto.subtle.importKey('spki', bufferSource(spki), importParameters(algorithm, kind), false, ['verify']);
  } catch (cause) {
    throw new AttestationError(
      'certificate/unsupported-algorithm',
      `expected a usable ${kind} key, got one webcrypto refuses`,
      { cause },
    );
  }
}

function importParameters(
  algorithm: SignatureAlgorithm,
  kind: PublicKeyAlgorithm,
): EcKeyImportParams | RsaHashedImportParams | Algorithm {
  if (algorithm.name === 'ECDSA') return { name: 'ECDSA', namedCurve: kind };
  return algorithm.name === 'Ed25519' ? { name: 'Ed25519' } : { name: algorithm.name, hash: algorithm.hash };
}

function verifyParameters(algorithm: SignatureAlgorithm): Algorithm | EcdsaParams | RsaPssParams {
  if (algorithm.name === 'ECDSA') return { name: 'ECDSA', hash: algorithm.hash };
  return algorithm.name === 'RSA-PSS' ? { name: 'RSA-PSS', saltLength: algorithm.saltLength } : { name: algorithm.name };
}

function algorithmLabel(algorithm: SignatureAlgorithm): string {
  const hash = algorithm.name === 'Ed25519' ? '' : algorithm.hash;
  const salt = algorithm.name === 'RSA-PSS' ? algorithm.saltLength : 0;
  return `${algorithm.name} ${hash} ${salt}`;
}

function memoryLabel({ algorithm, signatureForm = 'der' }: VerifySignatureInput): string {
  return `${algorithmLabel(algorithm)} ${signatureForm}`;
}

/** r ‖ s at the width of the curve, or `null` when the signature has no valid form (SEC 1 §4.1.4, RFC 3279 §2.2.3). */
function rawSignature(signature: Uint8Array, kind: PublicKeyAlgorithm, form: 'der' | 'raw'): Uint8Array | null {
  if (kind === 'RSA' || kind === 'Ed25519') return signature;
  const width = COORDINATE_BYTES[kind];
  if (form === 'raw') return signature.length === 2 * width ? signature : null;
  const out = new Uint8Array(2 * width);
  try {
    const integers = derSequence(readDer(signature));
    if (integers.length !== 2) return null;
    for (const [index, integer] of integers.entries()) {
      const bytes = derUnsigned(integer);
      if (bytes.length > width) return null;
      out.set(bytes, (index + 1) * width - bytes.length);
    }
  } catch {
    return null;
  }
  return out;
}
