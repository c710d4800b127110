/**
 * The outside of an OpenSSF Model Signing file: a Sigstore bundle v0.3 around a DSSE envelope (secure-systems-lab/dsse protocol.md) with
 * one ECDSA signature by a bare key. Bundles signed through Sigstore or under X.509 certificates are named and refused.
 */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { derSequence, derUnsigned, readDer } from '@assay/encoding/der';
import { isJsonObject, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { encodePem } from '@assay/encoding/pem';
import { encodeEcdsaSignature } from '@assay/encoding/x509-writer';
import { ModelError } from '../errors.ts';
import { hexDigest } from '../identity/byte-source.ts';

const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;
/** Curve → coordinate bytes and hash. */
const CURVES = {
  'P-256': { width: 32, hash: 'SHA-256' },
  'P-384': { width: 48, hash: 'SHA-384' },
  'P-521': { width: 66, hash: 'SHA-512' },
} as const;
type Curve = keyof typeof CURVES;

export interface Envelope {
  /** SHA-256 of the signer's public key in PEM, hex; `null` in files of old signers. */
  readonly keyHint: string | null;
  /** DER ECDSA signature. */
  readonly signature: Uint8Array;
  /** The signed statement, exact bytes. */
  readonly payload: Uint8Array;
}

/** @throws {ModelError} `signing/malformed`, `signing/unsupported`. */
export function parseEnvelope(file: Uint8Array): Envelope {
  const bundle = objectOf(jsonOf(file, 'a signature file'), 'a bundle');
  if (bundle.mediaType !== MEDIA_TYPE)
    throw unsupported(`a Sigstore bundle of version 0.3, got ${JSON.stringify(String(bundle.mediaType).slice(0, 80))}`);
  const material = objectOf(bundle.verificationMaterial, 'verificationMaterial');
  if (!isJsonObject(material.publicKey))
    throw unsupported(`a signature by a key, got one by ${Object.keys(material).join(', ').slice(0, 80)}`);
  const { hint } = material.publicKey;
  const envelope = objectOf(bundle.dsseEnvelope, 'dsseEnvelope');
  if (envelope.payloadType !== PAYLOAD_TYPE) throw malformed(`payloadType ${PAYLOAD_TYPE}`);
  const signatures = Array.isArray(envelope.signatures) ? (envelope.signatures as readonly Json[]) : [];
  const [signature] = signatures;
  if (signatures.length !== 1 || !isJsonObject(signature)) throw malformed('one signature');
  return {
    keyHint: typeof hint === 'string' && hint !== '' ? hint : null,
    signature: base64Of(signature.sig, 'sig'),
    payload: base64Of(envelope.payload, 'payload'),
  };
}

/**
 * Checks the signature over the payload.
 * @param spki the signer's P-256, P-384 or P-521 key, DER SubjectPublicKeyInfo.
 * @throws {ModelError} `signing/key-mismatch`, `signing/signature-invalid`, `signing/unsupported` for another kind of key.
 */
export async function assertSigned({ keyHint, signature, payload }: Envelope, spki: Uint8Array): Promise<void> {
  const { key, curve } = await importPublicKey(spki);
  const wanted = hintOf(spki);
  if (keyHint !== null && keyHint !== wanted)
    throw new ModelError(
      'signing/key-mismatch',
      `expected a signature by key ${wanted}, got one by ${keyHint.slice(0, 64)}; give the signer's public key`,
    );
  const raw = rawSignature(signature, CURVES[curve].width);
  const good =
    raw !== null && (await crypto.subtle.verify({ name: 'ECDSA', hash: CURVES[curve].hash }, key, raw, encoding(payload)));
  if (!good)
    throw new ModelError(
      'signing/signature-invalid',
      'expected a statement signed by this key, got another signature; do not use the model',
    );
}

/**
 * The file for a statement.
 * @param key private ECDSA key with its public half.
 */
export async function sealEnvelope(
  payload: Uint8Array,
  key: { readonly privateKey: CryptoKey; readonly spki: Uint8Array },
): Promise<Uint8Array> {
  const { curve } = await importPublicKey(key.spki);
  const { hash } = CURVES[curve];
  const raw = new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash }, key.privateKey, encoding(payload)));
  const signature = encodeEcdsaSignature(raw);
  return utf8(
    `${JSON.stringify({
      mediaType: MEDIA_TYPE,
      verificationMaterial: { publicKey: { hint: hintOf(key.spki) }, tlogEntries: [] },
      dsseEnvelope: {
        payload: encodeBase64(payload),
        payloadType: PAYLOAD_TYPE,
        signatures: [{ sig: encodeBase64(signature), keyid: '' }],
      },
    })}\n`,
  );
}

/** DSSE's pre-authentication encoding. */
function encoding(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(utf8(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload);
}

function hintOf(spki: Uint8Array): string {
  return hexDigest(utf8(encodePem('PUBLIC KEY', spki)));
}

async function importPublicKey(spki: Uint8Array): Promise<{ readonly key: CryptoKey; readonly curve: Curve }> {
  for (const curve of Object.keys(CURVES) as Curve[]) {
    try {
      const key = await crypto.subtle.importKey('spki', new Uint8Array(spki), { name: 'ECDSA', namedCurve: curve }, false, [
        'verify',
      ]);
      return { key, curve };
    } catch {
      // Another curve.
    }
  }
  throw unsupported('a P-256, P-384 or P-521 public key, got another one');
}

/** r ‖ s; `null` for a signature without valid form. */
function rawSignature(der: Uint8Array, width: number): Uint8Array<ArrayBuffer> | null {
  try {
    const integers = derSequence(readDer(der)).map((integer) => derUnsigned(integer));
    if (integers.length !== 2 || integers.some(({ length }) => length > width)) return null;
    const raw = new Uint8Array(2 * width);
    for (const [index, integer] of integers.entries()) raw.set(integer, (index + 1) * width - integer.length);
    return raw;
  } catch {
    return null;
  }
}

/** @throws {ModelError} `signing/malformed`. */
export function jsonOf(bytes: Uint8Array, what: string): Json {
  try {
    return parseJson(bytes, { maxBytes: MAX_BUNDLE_BYTES });
  } catch (cause) {
    if (!isCoded(cause)) throw cause;
    throw new ModelError(
      'signing/malformed',
      `expected ${what} in JSON, got something else (${cause.code}); sign the model again`,
      { cause },
    );
  }
}

/** @throws {ModelError} `signing/malformed`. */
export function objectOf(value: Json | undefined, what: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw malformed(what);
}

function base64Of(value: Json | undefined, what: string): Uint8Array {
  try {
    return decodeBase64(String(value));
  } catch (cause) {
    throw new ModelError('signing/malformed', `expected ${what} in base64, got something else; sign the model again`, {
      cause,
    });
  }
}

export function malformed(expected: string): ModelError {
  return new ModelError('signing/malformed', `expected ${expected}, got something else; sign the model again`);
}

export function unsupported(expectedAndGot: string): ModelError {
  return new ModelError('signing/unsupported', `expected ${expectedAndGot}; verify this file with model_signing`);
}
