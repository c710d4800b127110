/**
 * Verifies what a file of transcripts adds to its receipts (spec/transcripts.md §4): nothing left out, moved, repeated, exchanged or stale.
 * The receipts come authenticated, from the bundle inside of the file; reports of attestations are verified by the caller.
 */

import { utf8 } from '@assay/encoding/bytes';
import { parseInstant } from '@assay/encoding/instant';
import { canonicalJson, isJsonObject, type Json, type JsonObject } from '@assay/encoding/json';
import { ModelError, type ModelErrorCode } from '../errors.ts';
import { hexDigest } from '../identity/byte-source.ts';

const MAX_TRANSCRIPTS = 65_536;

/** A receipt of the bundle that was verified. */
export interface AuthenticReceipt {
  readonly id: string;
  /** `sha256:` and hex: of the JCS form of the receipt. */
  readonly digest: string;
  readonly signature: string;
  /** Epoch seconds. */
  readonly servedAt: number;
  readonly endpoint: string;
  readonly method: string;
  readonly events: readonly ({ readonly type: string } & JsonObject)[];
  /** Place in the log. */
  readonly index: number;
}

/** A session whose attestation the caller must verify. */
export interface TranscriptSession {
  readonly id: string;
  /** An `aci/1` report. */
  readonly report: Json;
  /** 64 hex digits. */
  readonly reportNonce: string;
  readonly transcripts: number;
  readonly providerType: string;
  readonly modelName: string;
}

export interface TranscriptsSummary {
  readonly sessions: readonly TranscriptSession[];
  /** Transcripts that the chains of the sessions were found to have, without a gap. */
  readonly transcripts: number;
  /** Transcripts that were compared with their receipts, member by member. */
  readonly compared: number;
}

/**
 * @param file the parsed file.
 * @param receipts every receipt of its bundle.
 * @throws {ModelError} `transcripts/malformed`, `transcripts/omitted`, `transcripts/replayed`, `transcripts/reordered`,
 * `transcripts/substituted`, `transcripts/stale`.
 * @example
 * const { sessions } = verifyTranscripts(file, receipts);
 * for (const { report, reportNonce } of sessions) console.log(parseReport(report, reportNonce).keysetDigest);
 */
export function verifyTranscripts(file: JsonObject, receipts: readonly AuthenticReceipt[]): TranscriptsSummary {
  const entries = objectsOf(file.transcripts, 'transcripts');
  const sessions = new Map(
    objectsOf(file.sessions, 'sessions').map((session) => [textOf(session, 'session_id'), readSession(session)]),
  );
  if (entries.length > MAX_TRANSCRIPTS) throw malformed(`at most ${MAX_TRANSCRIPTS} transcripts`);
  const bound = receipts.filter((receipt) => eventOf(receipt, 'transcript.bound') !== null);
  assertComplete(entries, bound);
  const maxAge = maxBindingAge(file);
  const byId = new Map(bound.map((receipt) => [receipt.id, receipt]));
  let place = -1;
  let compared = 0;
  for (const entry of entries) {
    const receipt = byId.get(textOf(entry, 'transcript_id'));
    const session = sessions.get(textOf(entry, 'session_id'));
    if (receipt === undefined || session === undefined)
      throw refusal('transcripts/omitted', 'a receipt and a session for each transcript', 'one without');
    if (receipt.index <= place)
      throw refusal('transcripts/reordered', 'transcripts in the order of the log', `${receipt.id} before its time`);
    place = receipt.index;
    compared += assertEntry(entry, receipt, session, maxAge);
  }
  const members = [...sessions].map(([id, session]) => [id, session.members] as const);
  const chained = members.reduce((sum, [id, session]) => sum + assertChain(id, session, bound, receipts), 0);
  if (members.length === 0 || file.signature !== closingOf(members.at(-1)?.[1] ?? {}, receipts).signature)
    throw refusal('transcripts/substituted', 'the signature of the last closing receipt', 'another one');
  return { transcripts: chained, compared, sessions: members.map(([id, session]) => facts(id, session)) };
}

/**
 * The digest of a session's attestation or model, as its transcripts name it.
 * @example bindingDigest({ model: 'gemma' }) // sha256:…
 */
export function bindingDigest(value: Json): string {
  return `sha256:${hexDigest(utf8(canonicalJson(value)))}`;
}

function assertComplete(entries: readonly JsonObject[], bound: readonly AuthenticReceipt[]): void {
  const named = entries.map((entry) => textOf(entry, 'transcript_id'));
  const known = new Set(named);
  if (known.size !== named.length) throw refusal('transcripts/replayed', 'each transcript once', 'one twice');
  const missing = bound.find(({ id }) => !known.has(id));
  if (missing !== undefined) throw refusal('transcripts/omitted', `transcript ${missing.id}`, 'a list without it');
}

/** What each transcript of a session is compared with; its digests are made once. */
interface Session {
  readonly members: JsonObject;
  readonly attestation: JsonObject;
  readonly attestationHash: string;
  readonly model: JsonObject;
  readonly modelHash: string;
  /** When the attestation was made, epoch milliseconds. */
  readonly made: number;
}

function readSession(members: JsonObject): Session {
  const attestation = objectOf(members.attestation, 'attestation');
  const model = objectOf(members.model_identity, 'model_identity');
  const { hash: _, ...modelFields } = model;
  const made = parseInstant(textOf(attestation, 'timestamp'));
  if (made === null) throw malformed('a timestamp in each attestation');
  return {
    ...{ members, attestation, model, made },
    attestationHash: bindingDigest(attestation),
    modelHash: bindingDigest(modelFields as JsonObject),
  };
}

/** @returns 1: the entry says what its receipt says. */
function assertEntry(entry: JsonObject, receipt: AuthenticReceipt, session: Session, maxAge: number): 1 {
  const event = eventOf(receipt, 'transcript.bound') ?? {};
  const { attestation, model, made } = session;
  const binding = objectOf(entry.binding, 'binding');
  const said = {
    transcript: {
      transcript_id: receipt.id,
      timestamp: receipt.servedAt,
      endpoint: receipt.endpoint,
      method: receipt.method,
      hash: receipt.digest,
    },
    model_identity: { hash: event.model_hash ?? null, name: model.name ?? null, version: model.version ?? null },
    attestation: { hash: event.attestation_hash ?? null, provider_type: attestation.provider_type ?? null },
    binding: { signature: receipt.signature, nonce: event.session_nonce ?? null, timestamp: receipt.servedAt },
    verification: { valid: true },
  };
  const same = (given: Json | undefined, wanted: Json, what: string): void => {
    if (!isSame(given, wanted)) throw refusal('transcripts/substituted', `the signed ${what} of ${receipt.id}`, 'another one');
  };
  for (const [name, wanted] of Object.entries(said)) same(binding[name], wanted, name);
  same(event.attestation_hash, session.attestationHash, 'attestation');
  same(event.model_hash, session.modelHash, 'model identity');
  same(model.hash, session.modelHash, 'model identity');
  same(event.session_id, textOf(entry, 'session_id'), 'session');
  same(event.session_nonce, attestation.nonce ?? null, 'nonce');
  same(entry.index, event.index ?? null, 'index');
  const full = objectOf(entry.full_transcript, 'full_transcript');
  same(bodyDigest(full.request), eventOf(receipt, 'request.received')?.body_hash ?? null, 'request');
  same(bodyDigest(full.response), eventOf(receipt, 'response.returned')?.body_hash ?? null, 'response');
  if (receipt.servedAt * 1000 - made > maxAge * 1000)
    throw refusal('transcripts/stale', `transcripts within ${maxAge} s of their attestation`, receipt.id);
  return 1;
}

/** Equal as JSON: the order of members is no part of it. */
function isSame(given: Json | undefined, wanted: Json): boolean {
  if (given === wanted) return true;
  if (given === undefined) return false;
  if (Array.isArray(given) && Array.isArray(wanted))
    return given.length === wanted.length && given.every((item, index) => isSame(item, wanted[index] as Json));
  if (!isJsonObject(given) || !isJsonObject(wanted)) return false;
  const names = Object.keys(wanted);
  return (
    Object.keys(given).length === names.length &&
    names.every((name) => Object.hasOwn(given, name) && isSame(given[name], wanted[name] as Json))
  );
}

function bodyDigest(text: Json | undefined): string {
  if (typeof text !== 'string') throw malformed('request and response as texts');
  return `sha256:${hexDigest(utf8(text))}`;
}

/** Indices count from 0, each names the receipt before, and the closing receipt knows the last one. Returns their number. */
function assertChain(
  id: string,
  session: JsonObject,
  bound: readonly AuthenticReceipt[],
  receipts: readonly AuthenticReceipt[],
): number {
  const chain = bound
    .filter((receipt) => eventOf(receipt, 'transcript.bound')?.session_id === id)
    .toSorted((a, b) => a.index - b.index);
  let previous: AuthenticReceipt | null = null;
  for (const [position, receipt] of chain.entries()) {
    const event = eventOf(receipt, 'transcript.bound') ?? {};
    if (event.index !== position)
      throw refusal('transcripts/omitted', `transcript ${position} of session ${id}`, `number ${String(event.index)}`);
    if ((event.previous_hash ?? null) !== (previous?.digest ?? null))
      throw refusal('transcripts/reordered', `the receipt before ${receipt.id}`, 'another one');
    previous = receipt;
  }
  const closing = closingOf(session, receipts);
  const event = eventOf(closing, 'transcripts.bundled') ?? {};
  if (
    event.session_id !== id ||
    event.count !== chain.length ||
    session.count !== chain.length ||
    (event.last_hash ?? null) !== (previous?.digest ?? null)
  )
    throw refusal('transcripts/omitted', `${String(event.count)} transcripts of session ${id}`, `${chain.length}`);
  if (previous !== null && closing.index <= previous.index)
    throw refusal('transcripts/reordered', 'the closing receipt at the end', 'it before a transcript');
  return chain.length;
}

function closingOf(session: JsonObject, receipts: readonly AuthenticReceipt[]): AuthenticReceipt {
  const found = receipts.find(
    (receipt) => receipt.id === session.closing_receipt && eventOf(receipt, 'transcripts.bundled') !== null,
  );
  if (found !== undefined) return found;
  throw refusal('transcripts/omitted', 'the closing receipt of each session', 'none');
}

function facts(id: string, session: JsonObject): TranscriptSession {
  const attestation = objectOf(session.attestation, 'attestation');
  const claims = objectOf(attestation.additional_claims, 'additional_claims');
  return {
    id,
    report: attestation.report ?? null,
    reportNonce: textOf(claims, 'report_nonce'),
    transcripts: typeof session.count === 'number' ? session.count : 0,
    providerType: textOf(attestation, 'provider_type'),
    modelName: textOf(objectOf(session.model_identity, 'model_identity'), 'name'),
  };
}

function maxBindingAge({ policy }: JsonObject): number {
  const age = objectOf(policy, 'policy').max_binding_age;
  if (typeof age === 'number' && age > 0 && age <= 86_400) return age;
  throw malformed('a max_binding_age up to a day in the policy');
}

function eventOf({ events }: AuthenticReceipt, type: string): JsonObject | null {
  return events.find((event) => event.type === type) ?? null;
}

function objectsOf(value: Json | undefined, what: string): readonly JsonObject[] {
  if (!Array.isArray(value)) throw malformed(`a list of ${what}`);
  return (value as readonly Json[]).map((item) => objectOf(item, what));
}

function objectOf(value: Json | undefined, what: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw malformed(`${what} as an object`);
}

function textOf(object: JsonObject, name: string): string {
  const value = object[name];
  if (typeof value === 'string') return value;
  throw malformed(`${name} as text`);
}

function malformed(expected: string): ModelError {
  return new ModelError('transcripts/malformed', `expected ${expected}, got something else; fetch the file again`);
}

function refusal(code: ModelErrorCode, expected: string, got: string): ModelError {
  return new ModelError(code, `expected ${expected}, got ${got}; do not rely on the file`);
}
