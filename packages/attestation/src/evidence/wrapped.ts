/**
 * Evidence inside JSON that no TEE's reader knows as a whole: answers of attestation APIs such as `{"attestation_document": "…"}`,
 * `{"platform": "az-snp", "evidence": {…}}` or `{"tee": "snp", "evidence": "base64 of JSON"}`. Members are found by name, never by
 * trying everything, so that a document that merely quotes evidence is not taken for it.
 * Not checked here: anything. What stands around the evidence is a claim of the party that sent the file, except for endorsements, which
 * the verifiers authenticate; key sets are never taken from there, because nothing but the file would vouch for them.
 */

import { firstCharacter, utf8 } from '@assay/encoding/bytes';
import type { Json, JsonObject } from '@assay/encoding/json';
import { AttestationError } from '../errors.ts';
import type { Endorsements } from '../model/endorsements.ts';
import { quoteBytes } from './dcap/quote-file.ts';
import { collectEndorsements } from './endorsement-files.ts';
import { bytesOfJson, jsonIn } from './reading.ts';

/** Names without case, digits and punctuation, the most telling first. */
const NAMES: readonly string[] = [
  ...['attestationdocument', 'attestationdoc', 'attestationreport', 'attestationevidence', 'attestationtoken', 'attestation'],
  ...[
    'evidence',
    'primaryevidence',
    'hardwareevidence',
    'teeevidence',
    'quote',
    'tdquote',
    'tdxquote',
    'sgxquote',
    'intelquote',
  ],
  ...['sevsnp', 'snp', 'snpreport', 'sevsnpreport', 'snpevidence', 'azsnpvtpm', 'aztdxvtpm', 'tdx', 'sgx', 'nitro', 'nitrotpm'],
  ...[
    'document',
    'doc',
    'report',
    'rawreport',
    'raw',
    'cpu',
    'cpuevidence',
    'gpuevidence',
    'nvidiapayload',
    'nvidiaevidence',
    'switchevidence',
  ],
  ...['verificationrequests', 'token', 'jwt', 'eat', 'payload', 'data', 'result', 'response', 'body', 'value'],
];
const KEPT = ['certificate', 'crl', 'ocsp', 'rim', 'tcb-info', 'enclave-identity', 'event-log', 'app-compose'];
/** How deep evidence may lie, how many entries of a list and how many candidates are looked at. */
const MAX_DEPTH = 5;
const MAX_ENTRIES = 8;
const MAX_CANDIDATES = 64;
/** Shorter text holds no evidence, characters. */
const MIN_TEXT = 64;

/**
 * Files that may be evidence inside the JSON `file`, outermost first; none when it is no JSON.
 * @example for (const inner of wrappedEvidence(file)) recogniseEvidence(inner);
 */
export function wrappedEvidence(file: Uint8Array): readonly Uint8Array[] {
  const json = jsonOf(file);
  const found: Uint8Array[] = [];
  let level: readonly Json[] = json === undefined || isReport(json) ? [] : [json];
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0 && found.length < MAX_CANDIDATES; depth++) {
    const next: Json[] = [];
    for (const member of level.flatMap(membersOf)) {
      const bytes = candidateOf(member);
      if (bytes === null || found.length >= MAX_CANDIDATES) continue;
      if (!isBareQuote(bytes)) found.push(bytes);
      const nested = typeof member === 'object' ? member : jsonOf(bytes);
      if (nested !== undefined) next.push(nested);
    }
    level = next;
  }
  return found;
}

/** Endorsements in the same file; no key sets. */
export function wrappedEndorsements(file: Uint8Array): Endorsements {
  return collectEndorsements([{ name: null, bytes: file }]).filter(({ kind }) => KEPT.includes(kind));
}

/** `aci/1` reports bind keys by their evidence: half read, they would seem to say less than they must prove. */
function isReport(json: Json): boolean {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && (json as JsonObject).api_version !== undefined;
}

function membersOf(value: Json): readonly Json[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return (value as readonly Json[]).slice(0, MAX_ENTRIES);
  const members = new Map(
    Object.entries(value as JsonObject).map(([name, member]) => [name.toLowerCase().replace(/[^a-z]/g, ''), member]),
  );
  return NAMES.map((name) => members.get(name) ?? null);
}

/** What a member stands for as a file: JSON again, the bytes behind hex, base64 or a list, or text as it is. */
function candidateOf(member: Json): Uint8Array | null {
  if (member === null || (typeof member !== 'object' && typeof member !== 'string')) return null;
  if (typeof member === 'string' && member.length < MIN_TEXT) return null;
  const bytes = bytesOfJson(member);
  if (bytes !== null) return bytes;
  return utf8(typeof member === 'string' ? member : JSON.stringify(member));
}

/** Bare DCAP quotes are left to the reader that searches for them, because it refuses files that hold two. */
function isBareQuote(bytes: Uint8Array): boolean {
  if (jsonOf(bytes) !== undefined) return false;
  try {
    return quoteBytes(bytes) !== null;
  } catch (error) {
    if (!AttestationError.is(error)) throw error;
    return true;
  }
}

function jsonOf(bytes: Uint8Array): Json | undefined {
  const first = firstCharacter(bytes);
  if (first !== 0x7b && first !== 0x5b) return undefined;
  return jsonIn(bytes);
}
