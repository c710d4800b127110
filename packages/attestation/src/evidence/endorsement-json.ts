/**
 * Finds endorsements inside JSON documents: Intel collateral (dcap-qvl, QPL and PCCS field names, in snake, camel or any other case),
 * PCS responses (`tcbInfo` or `enclaveIdentity` beside `signature`), key sets, dstack event logs and app-compose files, RIM service
 * responses. The document itself is kept too, because a verifier may know more of it.
 */

import { utf8 } from '@assay/encoding/bytes';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import type { Endorsement } from '../model/endorsements.ts';
import { classifyDer } from './endorsement-der.ts';
import { binaryOfText, derOfText } from './endorsement-text.ts';

/** How deep collateral may be nested in a capture, and how many objects are looked at. */
const MAX_DEPTH = 4;
const MAX_OBJECTS = 512;
/** Signatures have 64 or 96 bytes. */
const MAX_NUMBERS = 1024;

/** The pieces of a JSON file, `null` when it is no JSON. */
export function classifyJson(name: string | null, text: string, bytes: Uint8Array): readonly Endorsement[] | null {
  let json: Json;
  try {
    json = parseJson(text);
  } catch {
    return null;
  }
  if (isKeySet(json)) return [{ kind: 'jwks', json: text, issuer: null }];
  if (isKey(json)) return [{ kind: 'jwks', json: JSON.stringify({ keys: [json] }), issuer: null }];
  if (isEventLog(json)) return [{ kind: 'event-log', json: text }];
  if (isAppCompose(json)) return [{ kind: 'app-compose', bytes }];
  const found: Endorsement[] = [];
  const seen = { objects: 0 };
  walk(json, 0, seen, (object) => found.push(...fromObject(object)));
  return [...found, { kind: 'json', name, json: text }];
}

function walk(json: Json, depth: number, seen: { objects: number }, visit: (object: JsonObject) => void): void {
  if (depth > MAX_DEPTH || typeof json !== 'object' || json === null || ++seen.objects > MAX_OBJECTS) return;
  if (!Array.isArray(json)) visit(json as JsonObject);
  for (const value of Array.isArray(json) ? json : Object.values(json)) walk(value, depth + 1, seen, visit);
}

function fromObject(object: JsonObject): readonly Endorsement[] {
  const members = new Map(Object.entries(object).map(([name, value]) => [name.toLowerCase().replace(/[^a-z]/g, ''), value]));
  const found: Endorsement[] = [];
  found.push(
    ...intelDocument(members, 'tcb-info', ['tcbinfo', 'tcbinfojson', 'rawtcbinfo'], ['tcbinfosignature'], 'tcbinfoissuerchain'),
  );
  found.push(
    ...intelDocument(
      members,
      'enclave-identity',
      [
        'qeidentity',
        'enclaveidentity',
        'qeidentityjson',
        'enclaveidentityjson',
        'rawenclaveidentity',
        'qveidentity',
        'tdqeidentity',
      ],
      ['qeidentitysignature', 'enclaveidentitysignature', 'qveidentitysignature', 'tdqeidentitysignature'],
      'qeidentityissuerchain',
    ),
  );
  // PCS answers keep their chain in a header; captures of the exchange keep the headers in an object of their own.
  if (found.length === 0) {
    for (const [name, value] of members)
      if (/(tcbinfo|identity|sgxpckcrl)issuerchain$/.test(name)) found.push(...derPieces(value));
  }
  for (const field of ['rootcacrl', 'pckcrl', 'pckcacrl', 'crl', 'crls']) found.push(...revocationLists(members.get(field)));
  for (const field of [
    'pckcrlissuerchain',
    'pckcertificatechain',
    'pckcertchain',
    'pckcertificateissuerchain',
    'sgxpckcertificateissuerchain',
    'certificatechain',
    'certchain',
    'vcek',
    'vlek',
    'ask',
    'asvk',
    'ark',
    'certificates',
    'ocsp',
    'ocspresponse',
  ]) {
    found.push(...derPieces(members.get(field)));
  }
  const rim = members.get('rim');
  if (typeof rim === 'string') {
    const xml = rim.trimStart().startsWith('<') ? utf8(rim) : binaryOfText(rim);
    if (xml !== null && xml[0] === 0x3c) found.push({ kind: 'rim', xml });
  }
  const log = members.get('eventlog');
  if (typeof log === 'string' || isEventLog(log))
    found.push({ kind: 'event-log', json: typeof log === 'string' ? log : JSON.stringify(log) });
  const compose = members.get('appcompose');
  if (typeof compose === 'string') found.push({ kind: 'app-compose', bytes: utf8(compose) });
  const keys = members.get('jwks');
  if (isKeySet(keys)) found.push({ kind: 'jwks', json: JSON.stringify(keys), issuer: null });
  return found;
}

/**
 * One signed Intel document. The signed bytes are the object without insignificant white space in the order it was written; a string
 * member is taken as it stands, and may itself be the whole PCS response.
 */
function intelDocument(
  members: ReadonlyMap<string, Json>,
  kind: 'tcb-info' | 'enclave-identity',
  names: readonly string[],
  signatureNames: readonly string[],
  chainName: string,
): readonly Endorsement[] {
  const document = first(members, names);
  if (document === undefined) return [];
  const issuerChain = chainOf(members.get(chainName) ?? members.get('issuerchain') ?? members.get('cachain'));
  const signature = first(members, signatureNames) ?? members.get('signature');
  if (typeof document !== 'string') return finish(kind, JSON.stringify(document), signature, issuerChain);
  const nested = nestedResponse(document);
  if (nested !== null) {
    const inner = first(nested, names);
    if (inner !== undefined && typeof inner !== 'string') {
      return finish(kind, JSON.stringify(inner), nested.get('signature') ?? signature, issuerChain);
    }
  }
  return finish(kind, document, signature, issuerChain);
}

function finish(
  kind: 'tcb-info' | 'enclave-identity',
  body: string,
  signature: Json | undefined,
  issuerChain: readonly Uint8Array[],
): readonly Endorsement[] {
  if (!body.startsWith('{')) return [];
  const raw = typeof signature === 'string' ? binaryOfText(signature) : bytesOfNumbers(signature);
  return raw === null ? [] : [{ kind, body: utf8(body), signature: raw, issuerChain }];
}

/** A chain as one text, or as a list of them. */
function chainOf(value: Json | undefined): readonly Uint8Array[] {
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap(chainOf);
  return typeof value === 'string' ? derOfText(value) : [];
}

/** Bytes as some Rust tools write them, a list of numbers; `null` for anything else. */
function bytesOfNumbers(value: Json | undefined): Uint8Array | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_NUMBERS) return null;
  const numbers = value as readonly Json[];
  const isByte = (number: Json): boolean => Number.isInteger(number) && (number as number) >= 0 && (number as number) < 256;
  return numbers.every(isByte) ? Uint8Array.from(numbers as readonly number[]) : null;
}

/** A whole PCS response kept as text. A signed document itself, which is large, has no such member and is not parsed for it. */
function nestedResponse(text: string): ReadonlyMap<string, Json> | null {
  if (!/"signature"/i.test(text)) return null;
  try {
    const json = parseJson(text);
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
    return new Map(
      Object.entries(json as JsonObject).map(([name, value]) => [name.toLowerCase().replace(/[^a-z]/g, ''), value]),
    );
  } catch {
    return null;
  }
}

function first(members: ReadonlyMap<string, Json>, names: readonly string[]): Json | undefined {
  return names.map((name) => members.get(name)).find((value) => value !== undefined && value !== null);
}

/** DER pieces in a text member, or in a list of them. */
function derPieces(value: Json | undefined): readonly Endorsement[] {
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap(derPieces);
  return typeof value === 'string' ? derOfText(value).flatMap((der) => classifyDer(der) ?? []) : [];
}

/** A revocation list that is none is handed on as it is: dropping it would turn a broken list into a missing one. */
function revocationLists(value: Json | undefined): readonly Endorsement[] {
  const found = derPieces(value);
  if (found.length > 0 || typeof value !== 'string' || value === '') return found;
  return [{ kind: 'crl', der: binaryOfText(value) ?? utf8(value) }];
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isKey(json: Json | undefined): boolean {
  return isObject(json) && typeof json.kty === 'string';
}

function isKeySet(json: Json | undefined): boolean {
  return isObject(json) && Array.isArray(json.keys) && (json.keys as readonly Json[]).every(isKey);
}

function isEventLog(json: Json | undefined): boolean {
  return (
    Array.isArray(json) &&
    json.length > 0 &&
    (json as readonly Json[]).every(
      (event) => isObject(event) && 'imr' in event && ('digest' in event || 'event_payload' in event),
    )
  );
}

function isAppCompose(json: Json | undefined): boolean {
  return isObject(json) && 'manifest_version' in json && ('runner' in json || 'docker_compose_file' in json);
}
