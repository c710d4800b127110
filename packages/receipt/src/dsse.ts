/**
 * DSSE 1.0 envelopes (secure-systems-lab/dsse, envelope.md and protocol.md) signed by a key of a keyset: how in-toto statements travel. Exactly
 * one signature. Not checked here: what the payload says, and whether the keyset is attested.
 */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { parseJson } from '@assay/encoding/json';
import { verifyEd25519 } from './ed25519.ts';
import { ReceiptError } from './errors.ts';
import { type Keyset, PROVENANCE_ALGORITHM, signingKey } from './keyset.ts';
import type { Signer } from './seal.ts';
import { Shape } from './shape.ts';

export interface DsseEnvelope {
  /** Base64. */
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** Type of the payload of in-toto statements. */
export const IN_TOTO_TYPE = 'application/vnd.in-toto+json';
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Signs an in-toto statement.
 * @example signEnvelope(signer, statementText).signatures[0]?.keyid // 'provenance-1f0c5a3e9b7d2460'
 */
export function signEnvelope({ keyId, sign }: Signer, statement: string): DsseEnvelope {
  const payload = utf8(statement);
  const sig = encodeBase64(sign(preAuthEncoding(IN_TOTO_TYPE, payload)));
  return { payload: encodeBase64(payload), payloadType: IN_TOTO_TYPE, signatures: [{ keyid: keyId, sig }] };
}

/**
 * The in-toto statement of an envelope, exact bytes, signed by the provenance key that `keyset` names.
 * @throws {ReceiptError} `envelope/malformed`, `envelope/signature-invalid`, `keyset/key-missing`, `keyset/malformed`.
 * @example await verifyEnvelope(bytes, keyset) // { statement, keyId }
 */
export async function verifyEnvelope(
  bytes: Uint8Array,
  keyset: Keyset,
): Promise<{ readonly statement: Uint8Array; readonly keyId: string }> {
  return verified(parseEnvelope(bytes), (keyId) => signingKey(keyset, keyId, PROVENANCE_ALGORITHM));
}

/**
 * The in-toto statement of an envelope, exact bytes, signed by a key that the caller names, such as the one of a release.
 * @param key Ed25519, 32 bytes.
 * @throws {ReceiptError} `envelope/malformed`, `envelope/signature-invalid`.
 * @example await verifyEnvelopeUnder(bytes, releaseKey) // { statement, keyId }
 */
export async function verifyEnvelopeUnder(
  bytes: Uint8Array,
  key: Uint8Array,
): Promise<{ readonly statement: Uint8Array; readonly keyId: string }> {
  return verified(parseEnvelope(bytes), () => key);
}

async function verified({ payload, keyId, signature }: ReturnType<typeof parseEnvelope>, keyOf: (keyId: string) => Uint8Array) {
  const key = keyOf(keyId);
  if (!(await verifyEd25519(key, preAuthEncoding(IN_TOTO_TYPE, payload), signature)))
    throw new ReceiptError(
      'envelope/signature-invalid',
      `expected a signature of ${keyId} over the statement, got another; do not rely on it`,
    );
  return { statement: payload, keyId };
}

function parseEnvelope(bytes: Uint8Array) {
  const value = parsed(bytes);
  const shape = new Shape(value, 'envelope', 'envelope/malformed', { required: ['payload', 'payloadType', 'signatures'] });
  if (shape.string('payloadType') !== IN_TOTO_TYPE) throw malformed(`payloadType ${IN_TOTO_TYPE}`);
  const [first, ...others] = shape.array('signatures');
  if (first === undefined || others.length > 0) throw malformed('exactly one signature');
  const signed = new Shape(first, 'envelope.signatures', 'envelope/malformed', { required: ['keyid', 'sig'] });
  return { payload: base64(shape.string('payload')), keyId: signed.string('keyid'), signature: base64(signed.string('sig')) };
}

function parsed(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_BYTES) throw malformed(`at most ${MAX_BYTES} bytes`);
  try {
    return parseJson(bytes);
  } catch (cause) {
    throw malformed('JSON', cause);
  }
}

function base64(text: string): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (cause) {
    throw malformed('padded base64', cause);
  }
}

function malformed(wanted: string, cause?: unknown): ReceiptError {
  return new ReceiptError(
    'envelope/malformed',
    `expected a DSSE envelope with ${wanted}, got something else; export it again`,
    {
      cause,
    },
  );
}

/** PAE of protocol.md: what is signed. */
function preAuthEncoding(type: string, payload: Uint8Array): Uint8Array {
  return concatBytes(utf8(`DSSEv1 ${utf8(type).length} ${type} ${payload.length} `), payload);
}
