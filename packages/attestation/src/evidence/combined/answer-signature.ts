/**
 * Signatures over answers, as vLLM-proxy services give them at `/v1/signature/{id}`: `{text, signature, signing_address,
 * signing_algo}` with text `sha256(request):sha256(response)` or `model:sha256(request):sha256(response)`, all hex. ECDSA is EIP-191
 * over the text (65 bytes r ‖ s ‖ v), Ed25519 is over the text itself. Proves: the holder of the address signed exactly these request
 * and response bytes. Not proved: that the address is an enclave's; compare it with an attested one, as the function asks you to.
 * A model name in the text is the signer's word.
 */

import { bufferSource, concatBytes, equalBytes, utf8 } from '@assay/encoding/bytes';
import { isEd25519Form } from '@assay/encoding/ed25519-form';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { loadedPart } from '@assay/encoding/loaded-part';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { AttestationError } from '../../errors.ts';
import { reading } from '../reading.ts';

export interface AnswerSignature {
  /** Exactly what was signed. */
  readonly text: string;
  /** `null` in the form without it. */
  readonly model: string | null;
  /** SHA-256, lower-case hex. */
  readonly requestHash: string;
  readonly responseHash: string;
  readonly algorithm: 'ecdsa' | 'ed25519';
  /** 65 bytes for ECDSA, 64 for Ed25519. */
  readonly signature: Uint8Array;
  /** As claimed: 20 bytes for ECDSA, 32 for Ed25519. */
  readonly address: Uint8Array;
}

/**
 * Reads the answer of `/v1/signature/{id}`.
 * @throws {AttestationError} `answer/malformed`.
 * @example parseAnswerSignature(await response.text()).requestHash
 */
export function parseAnswerSignature(document: Uint8Array | string | JsonObject): AnswerSignature {
  const json: Json =
    typeof document === 'string' || document instanceof Uint8Array
      ? reading('answer/malformed', 'signature document', () => parseJson(document))
      : document;
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw malformed('expected an object');
  const { text, signature, signing_address: address, signing_algo: algo = 'ecdsa' } = json as JsonObject;
  if (typeof text !== 'string' || typeof signature !== 'string' || typeof address !== 'string') {
    throw malformed('expected text in "text", "signature" and "signing_address"');
  }
  if (algo !== 'ecdsa' && algo !== 'ed25519') throw malformed(`expected ecdsa or ed25519, got ${String(algo)}`);
  const match = /^(?:(.+):)?([0-9a-f]{64}):([0-9a-f]{64})$/is.exec(text);
  if (match === null) throw malformed('expected "request:response" or "model:request:response" as the signed text');
  const [, model, requestHash = '', responseHash = ''] = match;
  return {
    text,
    model: model ?? null,
    requestHash: requestHash.toLowerCase(),
    responseHash: responseHash.toLowerCase(),
    algorithm: algo,
    signature: hexOf(signature, algo === 'ecdsa' ? 65 : 64),
    address: hexOf(address, algo === 'ecdsa' ? 20 : 32),
  };
}

export interface VerifyAnswerInput {
  readonly signature: AnswerSignature;
  /** The signing address from verified evidence, hex with or without `0x`. */
  readonly attestedAddress: string;
  /** The bytes sent, exactly. */
  readonly request: Uint8Array;
  /** The bytes received, exactly: of a stream, every byte of it. */
  readonly response: Uint8Array;
}

/**
 * Checks address, signature, request and response, in this order.
 * @throws {AttestationError} `answer/address-mismatch`, `answer/signature-invalid`, `answer/request-mismatch`,
 * `answer/response-mismatch`.
 * @example await verifyAnswerSignature({ signature, attestedAddress: node.identity['signing-address'], request, response });
 */
export async function verifyAnswerSignature({
  signature,
  attestedAddress,
  request,
  response,
}: VerifyAnswerInput): Promise<void> {
  await verifyAnswerSigner(signature, attestedAddress);
  await compare('answer/request-mismatch', 'request', signature.requestHash, request);
  await compare('answer/response-mismatch', 'response', signature.responseHash, response);
}

/**
 * Checks address and signature, for callers that hold the hashes of an exchange and not its bytes.
 * @returns the address under which the signature verified, lower-case hex.
 * @throws {AttestationError} `answer/address-mismatch`, `answer/signature-invalid`.
 */
export async function verifyAnswerSigner(signature: AnswerSignature, attestedAddress: string): Promise<string> {
  const wanted = attestedAddress.replace(/^0x/i, '').toLowerCase();
  if (encodeHex(signature.address) !== wanted) {
    throw new AttestationError(
      'answer/address-mismatch',
      'expected the attested signing address, got another; this answer was not signed by that enclave',
      { details: { expected: wanted, actual: encodeHex(signature.address) } },
    );
  }
  const good = await (signature.algorithm === 'ecdsa' ? recoversTo(signature) : verifiesUnder(signature));
  if (!good) {
    throw new AttestationError(
      'answer/signature-invalid',
      'expected a signature by the signing address, got a bad one; it was changed',
    );
  }
  return wanted;
}

async function compare(
  code: 'answer/request-mismatch' | 'answer/response-mismatch',
  what: string,
  signed: string,
  bytes: Uint8Array,
): Promise<void> {
  const actual = encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(bytes))));
  if (actual === signed) return;
  throw new AttestationError(
    code,
    `expected the ${what} that was signed, got other bytes; hash them exactly as they were sent`,
    {
      details: { signed, actual },
    },
  );
}

async function recoversTo({ text, signature, address }: AnswerSignature): Promise<boolean> {
  const message = utf8(text);
  const hash = keccak_256(concatBytes(utf8(`\x19Ethereum Signed Message:\n${message.length}`), message));
  const v = signature[64] ?? 255;
  const recovery = v >= 27 ? v - 27 : v;
  if (recovery > 3) return false;
  // Loaded when it is needed: bundlers keep it apart from what every page loads.
  const { secp256k1 } = await loadedPart('Ethereum signatures', () => import('@noble/curves/secp256k1.js'));
  try {
    const recovered = concatBytes(Uint8Array.of(recovery), signature.subarray(0, 64));
    const key = secp256k1.recoverPublicKey(recovered, hash, { prehash: false });
    return equalBytes(ethereumAddress(secp256k1.Point.fromBytes(key).toBytes(false)), address);
  } catch {
    return false;
  }
}

async function verifiesUnder({ text, signature, address }: AnswerSignature): Promise<boolean> {
  if (!isEd25519Form(address, signature)) return false;
  try {
    const key = await crypto.subtle.importKey('raw', bufferSource(address), { name: 'Ed25519' }, false, ['verify']);
    return await crypto.subtle.verify({ name: 'Ed25519' }, key, bufferSource(signature), bufferSource(utf8(text)));
  } catch {
    return false;
  }
}

/** Address of an uncompressed secp256k1 key, 64 bytes x ‖ y or 65 with the leading 04: the last 20 bytes of its Keccak-256. */
export function ethereumAddress(publicKey: Uint8Array): Uint8Array {
  return keccak_256(publicKey.length === 65 ? publicKey.subarray(1) : publicKey).subarray(12);
}

function hexOf(text: string, bytes: number): Uint8Array {
  return reading('answer/malformed', 'hex', () => decodeHex(text.replace(/^0x/i, ''), { bytes }));
}

function malformed(message: string): AttestationError {
  return new AttestationError('answer/malformed', `${message} in the signature document`);
}
