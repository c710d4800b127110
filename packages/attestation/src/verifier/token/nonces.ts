/**
 * The nonces of a token. Issuers repeat the caller's nonce in several places and encodings: `eat_nonce` as text, hex or a list of both
 * (NVIDIA, Google, EAR), `verifier_nonce` and runtime data (Intel), base64 in `x-ms-runtime.client-payload` (Azure). A text can be read in more
 * than one way, so every reading counts: a nonce the caller chose at random does not match a wrong one by chance.
 * Parts about GPUs are left out: their nonce says nothing about the CPU's evidence.
 * Source: RFC 9711 §4.1; Intel Trust Authority, "Verifier claims"; Microsoft, "Guest attestation for confidential VMs".
 */

import { decodeBase64, decodeBase64Url } from '@assay/encoding/base64';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import type { Json, JsonObject } from '@assay/encoding/json';
import { withoutTrailing } from '@assay/encoding/text-ends';

export interface TokenNonces {
  /** The first one as hex: of hex text itself, of other text its UTF-8. `null` when the token has none. */
  readonly nonce: string | null;
  /** Every byte string that a nonce of the token can stand for, lower-case hex, each once. */
  readonly readings: readonly string[];
}

const NAMES = new Set([
  ...['eat_nonce', 'eat-nonce', 'nonce', 'x-ms-nonce', 'rp_data', 'verifier_nonce', 'client_nonce', 'user_nonce'],
  ...['report_nonce', 'challenge'],
]);
/** Data of the attester's choice that can be a nonce as a whole. */
const WHOLE = new Set([
  ...['attester_held_data', 'attester_runtime_data', 'attester_user_data', 'amber_tee_held_data', 'runtime_data'],
  ...['x-ms-sgx-ehd', 'x-ms-maa-ehd', 'maa-ehd', 'aas-ehd', 'ehd', 'user-data', 'user_data'],
]);
const GPU_PART = /^(?:nv|nvidia|gpu|switch)/i;
const HEX = /^(?:[0-9a-f]{2})+$/i;
const MAX_READINGS = 256;

/**
 * @example
 * noncesOf({ eat_nonce: 'AB01' }).nonce; // 'ab01'
 */
export function noncesOf(payload: JsonObject): TokenNonces {
  const texts: string[] = [];
  const pairs: string[] = [];
  collect(payload, texts, pairs);
  const [first] = texts;
  const readings = new Set([...texts.flatMap(readingsOf), ...pairs].slice(0, MAX_READINGS));
  return { nonce: first === undefined ? null : canonical(first), readings: [...readings] };
}

/** Nonces at the top come first, then deeper ones, then data of the attester's choice. */
function collect(object: JsonObject, texts: string[], pairs: string[]): void {
  const entries = Object.entries(object);
  for (const [name, value] of entries) if (NAMES.has(name.toLowerCase())) take(value, texts, pairs);
  for (const [name, value] of entries) {
    if (isObject(value) && !GPU_PART.test(name) && !NAMES.has(name.toLowerCase())) collect(value, texts, pairs);
  }
  for (const [name, value] of entries) if (WHOLE.has(name.toLowerCase()) && typeof value === 'string') texts.push(value);
}

function take(value: Json, texts: string[], pairs: string[]): void {
  if (typeof value === 'string' && value !== '') texts.push(value);
  if (Array.isArray(value)) for (const item of value as readonly Json[]) take(item, texts, pairs);
  if (!isObject(value)) return;
  // Intel's signed nonce: value and time of issue, which the attester hashes in this order.
  const { val, iat } = value;
  if (typeof val !== 'string') return;
  texts.push(val);
  const [first, second] = [base64Of(val), typeof iat === 'string' ? base64Of(iat) : null];
  if (first !== null && second !== null) pairs.push(`${encodeHex(first)}${encodeHex(second)}`);
}

/** What `text` can stand for: itself, hex, base64 in both alphabets, and base64 of hex text. */
function readingsOf(text: string): readonly string[] {
  const hex = text.replace(/^0x/i, '');
  const decoded = base64Of(text);
  const inner = decoded === null ? null : asciiOf(decoded)?.replace(/^0x/i, '');
  return [
    ...(HEX.test(hex) ? [hex.toLowerCase()] : []),
    encodeHex(utf8(text)),
    ...(decoded === null || decoded.length === 0 ? [] : [encodeHex(decoded)]),
    ...(inner !== null && inner !== undefined && HEX.test(inner) ? [inner.toLowerCase()] : []),
  ];
}

function canonical(text: string): string {
  return HEX.test(text) ? text.toLowerCase() : encodeHex(utf8(text));
}

function base64Of(text: string): Uint8Array | null {
  try {
    const bare = withoutTrailing(text, '=');
    return /[-_]/.test(bare) ? decodeBase64Url(bare) : decodeBase64(bare.padEnd(Math.ceil(bare.length / 4) * 4, '='));
  } catch {
    return null;
  }
}

function asciiOf(bytes: Uint8Array): string | null {
  try {
    return decodeUtf8(bytes);
  } catch {
    return null;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
