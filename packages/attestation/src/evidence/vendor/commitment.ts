/**
 * Vendor commitments: a signed promise about what runs, without hardware. JSON, format spec/vendor-commitment.md:
 * `{type, vendor, key_id, algorithm, issued_at, expires_at, nonce, report_data, measurements, model, terms, signature}`; the signature is
 * over the canonical JSON (RFC 8785) of everything but `signature`.
 * Not checked here: the signature and whether anyone knows the vendor (verifier/vendor).
 */

import { decodeBase64Url } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { parseInstant } from '@assay/encoding/instant';
import { canonicalJson, type Json, type JsonObject } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { jsonObjectIn, reading } from '../reading.ts';

export const COMMITMENT_TYPE = 'assay.vendor-commitment/1';
const MEMBERS = [
  ...['type', 'vendor', 'key_id', 'algorithm', 'issued_at', 'expires_at'],
  ...['nonce', 'report_data', 'measurements', 'model', 'terms', 'signature'],
];
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

export interface VendorCommitment {
  readonly vendor: string;
  /** SHA-256 of the vendor key's DER SubjectPublicKeyInfo, lower-case hex. */
  readonly keyId: string;
  readonly algorithm: 'Ed25519' | 'ES256';
  /** Epoch milliseconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Lower-case hex, `null` when absent. */
  readonly nonce: string | null;
  readonly reportData: string | null;
  readonly measurements: Readonly<Record<string, string>>;
  /** Name, version, hash of a model, as promised; JSON-safe. */
  readonly model: JsonObject | null;
  /** What is promised in addition to the model; JSON-safe. */
  readonly terms: JsonObject | null;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** Exactly what is signed. */
  readonly signed: Uint8Array;
}

/**
 * The commitment in `file`, or `null` when it holds something else.
 * @throws {AttestationError} `vendor/malformed`.
 */
export function commitmentOf(file: Uint8Array): VendorCommitment | null {
  const json = jsonObjectIn(file);
  return json?.type === COMMITMENT_TYPE ? reading('vendor/malformed', 'vendor commitment', () => parse(json)) : null;
}

function parse(json: JsonObject): VendorCommitment {
  const unknown = Object.keys(json).filter((name) => !MEMBERS.includes(name));
  if (unknown.length > 0) throw malformed(`expected no other members, got ${unknown.join(', ')}`);
  const { signature, algorithm, measurements = {}, model = null, terms = null, ...rest } = json;
  if (algorithm !== 'Ed25519' && algorithm !== 'ES256') throw malformed('expected Ed25519 or ES256 in "algorithm"');
  const { signature: _, ...unsigned } = json;
  const bytes = decodeBase64Url(typeof signature === 'string' ? signature : '');
  if (bytes.length !== 64) throw malformed(`expected a signature of 64 bytes, got ${bytes.length}`);
  if (!isObject(measurements)) throw malformed('expected an object in "measurements"');
  if (model !== null && !isObject(model)) throw malformed('expected an object in "model"');
  if (terms !== null && !isObject(terms)) throw malformed('expected an object in "terms"');
  return {
    vendor: matching(rest.vendor, 'vendor', /^[\x20-\x7e]{1,128}$/),
    keyId: matching(rest.key_id, 'key_id', /^[0-9a-f]{64}$/),
    algorithm,
    issuedAt: instantOf(rest.issued_at, 'issued_at'),
    expiresAt: instantOf(rest.expires_at, 'expires_at'),
    nonce: optionalHex(rest.nonce, 'nonce'),
    reportData: optionalHex(rest.report_data, 'report_data'),
    measurements: Object.fromEntries(
      Object.entries(measurements).map(([name, value]) => [name, matching(value, name, /^([0-9a-f]{2})+$/)]),
    ),
    model,
    terms,
    signature: bytes,
    signed: utf8(canonicalJson(unsigned)),
  };
}

function instantOf(value: Json | undefined, name: string): number {
  const instant = parseInstant(matching(value, name, INSTANT));
  if (instant === null) throw malformed(`expected an instant of the calendar in "${name}", got another`);
  return instant;
}

function optionalHex(value: Json | undefined, name: string): string | null {
  return value === undefined || value === null ? null : matching(value, name, /^([0-9a-f]{2}){1,64}$/);
}

function matching(value: Json | undefined, name: string, pattern: RegExp): string {
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw malformed(`expected "${name}" to match ${pattern.source}`);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): AttestationError {
  return new AttestationError('vendor/malformed', message);
}
