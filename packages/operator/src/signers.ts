/** Who signed a digest, and whether that suffices (spec/operator.md §3). */

import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { OperatorError } from './errors.ts';
import { bytesOf, type Hex, hexOf } from './hex.ts';
import { MOST_OWNERS, type Owners } from './manifest.ts';
import type { OwnerMessage } from './owner-message.ts';

/** Signatures that one change may carry: one an owner, and room for those of former owners. Each takes a millisecond to recover. */
export const MOST_SIGNATURES: number = 2 * MOST_OWNERS;

/**
 * The address of an uncompressed public key, 64 or 65 bytes.
 * @example addressOf(publicKey) // '0x…', 42 characters
 */
export function addressOf(publicKey: Uint8Array): Hex {
  return hexOf(keccak_256(publicKey.subarray(-64)).subarray(-20));
}

/**
 * The address that a private key signs for.
 * @param privateKey 32 bytes, big-endian.
 * @throws {OperatorError} `operator/key-malformed` for bytes that are no key of secp256k1, which zeros and words are.
 * @example addressOfKey(bytesOf('0x22…')) // 0x1563915e194d8cfba1943570603f7606a3115508
 */
export function addressOfKey(privateKey: Uint8Array): Hex {
  if (!secp256k1.utils.isValidSecretKey(privateKey))
    throw new OperatorError(
      'operator/key-malformed',
      'expected a private key of secp256k1, 32 bytes from 1 to its order, got others; make one with openssl rand -hex 32',
    );
  return addressOf(secp256k1.getPublicKey(privateKey, false));
}

/**
 * The address that signed a digest.
 * @param signature r, s and v (27 or 28), 65 bytes. A high s is refused, because it is the same signature written twice.
 * @throws {OperatorError} `operator/signature-invalid`.
 * @example recoverSigner(ownerMessageHash(message), signature)
 */
export function recoverSigner(digest: Hex, signature: Hex): Hex {
  const bytes = bytesOf(signature);
  const invalid = (why: string, cause?: unknown): OperatorError =>
    new OperatorError('operator/signature-invalid', `${why}; sign the digest again with the owner's key`, { cause });
  const v = bytes[64];
  if (bytes.length !== 65 || (v !== 27 && v !== 28)) throw invalid('expected r, s and v of 27 or 28 in 65 bytes, got others');
  try {
    const parsed = secp256k1.Signature.fromBytes(bytes.subarray(0, 64), 'compact');
    if (parsed.hasHighS()) throw invalid('expected a signature with a low s, got a high one');
    return addressOf(
      parsed
        .addRecoveryBit(v - 27)
        .recoverPublicKey(bytesOf(digest))
        .toBytes(false),
    );
  } catch (cause) {
    if (OperatorError.is(cause)) throw cause;
    throw invalid('expected a signature of a secp256k1 key, got none', cause);
  }
}

/**
 * Signs a digest of 32 bytes with a private key of 32 bytes: r, s (low) and v of 27 or 28.
 * @example signDigest(bytesOf(ownerMessageHash(message)), key)
 */
export function signDigest(digest: Uint8Array, privateKey: Uint8Array): Hex {
  const signature = secp256k1.sign(digest, privateKey, { prehash: false, format: 'recovered', lowS: true });
  return hexOf(Uint8Array.of(...signature.subarray(1), 27 + (signature[0] ?? 0)));
}

/**
 * The owners who signed, each once, in the order of their signatures.
 * @param needed how many must have signed; 1 to the number of owners.
 * @throws {OperatorError} `operator/signature-invalid`, `operator/signer-unknown`, `operator/signer-repeated`,
 * `operator/too-few-signers`.
 * @example authorizedSigners(ownerMessageHash(message), signatures, owners, owners.threshold)
 */
export function authorizedSigners(digest: Hex, signatures: readonly Hex[], owners: Owners, needed: number): readonly Hex[] {
  if (signatures.length > owners.addresses.length)
    throw new OperatorError(
      'operator/signer-repeated',
      `expected at most ${owners.addresses.length} signatures, got ${signatures.length}; send one an owner`,
    );
  const signers: Hex[] = [];
  for (const signature of signatures) {
    const signer = recoverSigner(digest, signature);
    if (!owners.addresses.includes(signer))
      throw new OperatorError(
        'operator/signer-unknown',
        `expected a signature of an owner over this message, got one of ${signer}; sign exactly this message with an owner's key`,
      );
    if (signers.includes(signer))
      throw new OperatorError('operator/signer-repeated', `${signer} signed twice; each owner counts once`);
    signers.push(signer);
  }
  if (signers.length < needed)
    throw new OperatorError(
      'operator/too-few-signers',
      `expected signatures of ${needed} owners, got ${signers.length}; collect the others`,
    );
  return signers;
}

/** What decides how many owners must sign, as `GET /api/v1/config` shows it. */
export interface SigningRules {
  /** Of the owners in force. */
  readonly threshold: number;
  /** The manifest's. */
  readonly variables: Readonly<Record<string, { readonly signers: 'one' | 'threshold' }>>;
}

/**
 * How many owners must sign a message: one for a pause and for variables that the manifest gives to one owner, else the threshold.
 * @example neededOwners(message, { threshold: control.owners.threshold, variables: manifest.variables }) // 2
 */
export function neededOwners({ type, fields }: OwnerMessage, { threshold, variables }: SigningRules): number {
  if (type === 'SetPaused' && fields.paused) return 1;
  const declared = type === 'SetVariable' && Object.hasOwn(variables, fields.name) ? variables[fields.name] : undefined;
  return declared?.signers === 'one' ? 1 : threshold;
}

/**
 * Who signed a digest, each once, with the first signature of each. What is over something else counts for no one.
 * @param signatures at most {@link MOST_SIGNATURES}, those of strangers among them.
 * @param owners whose signatures count; without them, everyone's.
 * @throws {OperatorError} `operator/message-malformed` for more signatures, before one is looked at.
 * @example const missing = needed - signersOf(ownerMessageHash(message), signatures, owners).size
 */
export function signersOf(digest: Hex, signatures: readonly Hex[], owners?: readonly Hex[]): ReadonlyMap<Hex, Hex> {
  if (signatures.length > MOST_SIGNATURES)
    throw new OperatorError(
      'operator/message-malformed',
      `expected at most ${MOST_SIGNATURES} signatures of a change, got ${signatures.length}; keep one an owner`,
    );
  const signers = new Map<Hex, Hex>();
  for (const signature of new Set(signatures)) {
    const signer = signerOf(digest, signature);
    if (signer === null || signers.has(signer)) continue;
    if (owners === undefined || owners.includes(signer)) signers.set(signer, signature);
  }
  return signers;
}

/** `null` for what is no signature. */
function signerOf(digest: Hex, signature: Hex): Hex | null {
  try {
    return recoverSigner(digest, signature);
  } catch {
    return null;
  }
}
