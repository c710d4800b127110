/** Makes the file of transcripts (spec/transcripts.md §3): a closing receipt for each session, then the bundle with all receipts. */

import { randomUUID } from 'node:crypto';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { type JsonObject, parseJson } from '@assay/encoding/json';
import { type Clock, type Ledger, readStored, type SealedReceipt } from '@assay/ledger';
import { TRANSCRIPTS_FORMAT } from '@assay/models';
import { digestJson, parseBundle, type Receipt } from '@assay/receipt';
import { ServerError } from '../errors.ts';
import { type EvidenceSession, SESSION_MS } from './sessions.ts';

/** Of the bundle inside, bytes: what a file may hold in memory. */
const MAX_BUNDLE_BYTES = 32 * 1024 * 1024;
/** Receipts of one file. */
const MAX_RECEIPTS = 512;

interface FilePorts {
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** @throws {ServerError} `http/answer-too-large`. */
export async function evidenceFile(sessions: readonly EvidenceSession[], { ledger, clock }: FilePorts): Promise<JsonObject> {
  const count = sessions.reduce((sum, { transcripts }) => sum + transcripts.length, 0);
  if (count + sessions.length > MAX_RECEIPTS)
    throw new ServerError(
      'http/answer-too-large',
      `expected at most ${MAX_RECEIPTS} receipts in one file, got ${count + sessions.length}; name a session with ?session_id=`,
    );
  const closed: { readonly session: EvidenceSession; readonly ids: readonly string[]; readonly closing: SealedReceipt }[] = [];
  for (const session of sessions) closed.push(await session.inTurn(() => close(session, ledger)));
  const access = sessions[0]?.access ?? null;
  const stored = await ledger.bundle(
    closed.flatMap(({ ids, closing }) => [...ids, closing.receiptId]),
    { access },
  );
  if (stored === null)
    throw new ServerError('http/not-found', 'the receipts of these transcripts are gone; open a new session');
  if (stored.length > MAX_BUNDLE_BYTES)
    throw new ServerError(
      'http/answer-too-large',
      `expected a bundle of at most ${MAX_BUNDLE_BYTES} bytes, got ${stored.length}; name a session with ?session_id=`,
    );
  const bytes = await readStored(stored, MAX_BUNDLE_BYTES);
  const { receipts, payloads } = parseBundle(bytes);
  const places = new Map(receipts.map(({ receipt, entry }) => [receipt.receipt_id, { receipt, place: entry.index }]));
  const transcripts = closed
    .flatMap(({ session, ids }) => ids.map((id, index) => ({ session, index, found: places.get(id) })))
    .flatMap(({ session, index, found }) => (found === undefined ? [] : [{ session, index, ...found }]))
    .toSorted((a, b) => a.place - b.place)
    .map(({ session, receipt, index }) => entryOf({ session, receipt, index, payloads }));
  return {
    format: TRANSCRIPTS_FORMAT,
    version: '1.0',
    created_at: new Date(clock.now()).toISOString(),
    policy: { mode: 'tee_attestation', require_attestation: true, max_binding_age: SESSION_MS / 1000 },
    sessions: closed.map(({ session, ids, closing }) => ({
      session_id: session.id,
      attestation: session.attestation,
      model_identity: session.modelIdentity,
      count: ids.length,
      closing_receipt: closing.receiptId,
    })),
    transcripts,
    summary: {
      total_transcripts: transcripts.length,
      valid_bindings: transcripts.length,
      invalid_bindings: 0,
      success_rate: 1,
    },
    simulated: closed.some(({ session }) => (session.attestation.platform_info as JsonObject).simulated === true),
    signature: closed.at(-1)?.closing.receipt.signature ?? '',
    assay_bundle: parseJson(bytes),
  };
}

async function close(session: EvidenceSession, ledger: Ledger) {
  const ids = session.transcripts.map(({ receiptId }) => receiptId);
  const draft = ledger.open({
    ...{ taskId: randomUUID(), task: 'evidence', method: 'GET', endpoint: '/evidence/bundle', requestBody: new Uint8Array() },
    ...{ nonce: null, access: session.access },
  });
  await draft.started;
  draft.append({
    type: 'transcripts.bundled',
    session_id: session.id,
    count: ids.length,
    last_hash: session.transcripts.at(-1)?.digest ?? null,
  });
  return { session, ids, closing: await ledger.seal(draft) };
}

interface Entry {
  readonly session: EvidenceSession;
  readonly receipt: Receipt;
  readonly index: number;
  readonly payloads: ReadonlyMap<string, Uint8Array>;
}

function entryOf({ session, receipt, index, payloads }: Entry): JsonObject {
  const { attestation, modelIdentity } = session;
  const kept = (type: string): string => {
    const hash = receipt.event_log.find((event) => event.type === type)?.body_hash;
    return decodeUtf8(payloads.get(String(hash)) ?? new Uint8Array());
  };
  return {
    transcript_id: receipt.receipt_id,
    session_id: session.id,
    index,
    status: 'valid',
    binding: {
      transcript: {
        transcript_id: receipt.receipt_id,
        timestamp: receipt.served_at,
        endpoint: receipt.endpoint,
        method: receipt.method,
        hash: digestJson(receipt),
      },
      model_identity: { hash: session.modelHash, name: modelIdentity.name ?? null, version: modelIdentity.version ?? null },
      attestation: { hash: session.attestationHash, provider_type: attestation.provider_type ?? null },
      binding: { signature: receipt.signature, nonce: attestation.nonce ?? null, timestamp: receipt.served_at },
      verification: { valid: true },
    },
    full_transcript: { request: kept('request.received'), response: kept('response.returned') },
  };
}
