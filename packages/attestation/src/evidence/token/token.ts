/**
 * Attestation tokens: a JWS in compact form (RFC 7515 §7.1) that says what a verification service found. Recognised in files:
 * - the token alone, or JSON `{"token": "…"}` (Intel Trust Authority, Azure, Google);
 * - a detached EAT bundle `[["JWT", overall], {"GPU-0": jwt, …}]` (NVIDIA), also as `detached_eat` in nvattest's output.
 * Not checked here: signatures, times, digests; nothing in a token is believed before verifier/token has looked at it.
 */

import { decodeBase64Url } from '@assay/encoding/base64';
import { decodeUtf8, firstCharacter, utf8 } from '@assay/encoding/bytes';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { jsonIn, reading } from '../reading.ts';

const MAX_TOKEN = 256 * 1024; // characters
const MAX_PARTS = 256;

export interface Token {
  /** Compact form, ASCII. */
  readonly text: string;
  readonly header: JsonObject;
  readonly payload: JsonObject;
}

export interface TokenEvidence {
  readonly token: Token;
  /** Tokens of the parts, by the name the bundle gives them (`GPU-0`); empty for a lone token. */
  readonly parts: ReadonlyMap<string, Token>;
}

/**
 * A token or bundle in `file`, or `null` when it holds something else.
 * @throws {AttestationError} `token/malformed`.
 */
export function tokenEvidenceOf(file: Uint8Array): TokenEvidence | null {
  const first = firstCharacter(file);
  if (first === 0x5b || first === 0x7b) {
    const json = jsonIn(file);
    return json === undefined ? null : tokenEvidenceOfJson(json);
  }
  if (first !== 0x65 || file.length > MAX_TOKEN) return null;
  let text: string;
  try {
    text = decodeUtf8(file).trim();
  } catch {
    return null;
  }
  return looksLikeToken(text) ? { token: parseToken(text), parts: new Map() } : null;
}

/** The same for JSON that is parsed already. */
export function tokenEvidenceOfJson(json: Json): TokenEvidence | null {
  if (Array.isArray(json)) return bundleOf(json as readonly Json[]);
  if (!isObject(json)) return null;
  if (Array.isArray(json.detached_eat)) return bundleOf(json.detached_eat as readonly Json[]);
  const { token } = json;
  return typeof token === 'string' && looksLikeToken(token) ? { token: parseToken(token), parts: new Map() } : null;
}

function bundleOf(list: readonly Json[]): TokenEvidence | null {
  const [head, details] = list;
  if (!Array.isArray(head) || head[0] !== 'JWT' || typeof head[1] !== 'string') return null;
  const parts = new Map<string, Token>();
  for (const [name, text] of Object.entries(isObject(details) ? details : {})) {
    if (typeof text !== 'string' || parts.size >= MAX_PARTS)
      throw malformed(`expected a token under "${name}", got something else`);
    parts.set(name, parseToken(text));
  }
  return { token: parseToken(head[1]), parts };
}

/** True for text in three base64url parts of which the first begins a JSON object. */
export function looksLikeToken(text: string): boolean {
  return /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$/.test(text);
}

/**
 * @throws {AttestationError} `token/malformed`.
 * @example parseToken(text).payload.iss
 */
export function parseToken(text: string): Token {
  if (text.length > MAX_TOKEN || !looksLikeToken(text)) throw malformed('expected a token in compact form, got other text');
  const [header = '', payload = ''] = text.split('.');
  return { text, header: part(header, 'header'), payload: part(payload, 'payload') };
}

function part(text: string, what: string): JsonObject {
  const json = reading('token/malformed', `token ${what}`, () => parseJson(decodeBase64Url(text)));
  if (!isObject(json)) throw malformed(`expected an object in the token's ${what}`);
  return json;
}

/** Bytes a detached digest covers: the ASCII of the compact form. */
export function tokenBytes({ text }: Token): Uint8Array {
  return utf8(text);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): AttestationError {
  return new AttestationError('token/malformed', message);
}
