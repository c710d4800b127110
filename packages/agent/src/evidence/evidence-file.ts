/** Makes the file of transcripts (spec/transcripts.md §3): a closing receipt for each session, then the bundle with all receipts. */

import { randomUUID } from 'node:crypto';
import { decodeBase64 } from '@assay/encoding/base64';
import { decodeUtf8 } from '@assay/encoding/bytes';
import type { JsonObject } from '@assay/encoding/json';
import { type Clock, type Ledger, readStored, type SealedReceipt } from '@assay/ledger';
import { TRANSCRIPTS_FORMAT } from '@assay/models';
import type { Receipt } from '@assay/receipt';
import { ServerError } from '../errors.ts';
import { type EvidenceSession, SESSION_MS, type TranscriptLink } from './sessions.ts';

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
  const closed: ClosedSession[] = [];
  for (const session of sessions) closed.push(await session.inTurn(() => close(session, ledger)));
  const access = sessions[0]?.access ?? null;
  const stored = await ledger.bundle(
    closed.flatMap(({ links, closing }) => [...links.map(({ receiptId }) => receiptId), closing.receiptId]),
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
  // These bytes were written here, in canonical form, from receipts that were sealed here.
  const document = JSON.parse(decodeUtf8(bytes)) as BundleDocument;
  const payloads = new Map(document.payloads.map(({ hash, bytes: text }) => [hash, text]));
  const places = new Map(document.receipts.map(({ receipt, entry }) => [receipt.receipt_id, { receipt, place: entry.index }]));
  const transcripts = closed
    .flatMap(({ session, links }) =>
      links.map(({ receiptId, digest }, index) => ({ session, index, digest, found: places.get(receiptId) })),
    )
    .flatMap(({ found, ...link }) => (found === undefined ? [] : [{ ...link, ...found }]))
    .toSorted((a, b) => a.place - b.place)
    .map((link) => entryOf({ ...link, payloads }));
  return {
    format: TRANSCRIPTS_FORMAT,
    version: '1.0',
    created_at: new Date(clock.now()).toISOString(),
    policy: { mode: 'tee_attestation', require_attestation: true, max_binding_age: SESSION_MS / 1000 },
    sessions: closed.map(({ session, links, closing }) => ({
      session_id: session.id,
      attestation: session.attestation,
      model_identity: session.modelIdentity,
      count: links.length,
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
    assay_bundle: document,
  };
}

interface ClosedSession {
  readonly session: EvidenceSession;
  readonly links: readonly TranscriptLink[];
  readonly closing: SealedReceipt;
}

async function close(session: EvidenceSession, ledger: Ledger): Promise<ClosedSession> {
  const links = [...session.transcripts];
  const draft = ledger.open({
    ...{ taskId: randomUUID(), task: 'evidence', method: 'GET', endpoint: '/evidence/bundle', requestBody: new Uint8Array() },
    ...{ nonce: null, access: session.access },
  });
  await draft.started;
  draft.append({
    type: 'transcripts.bundled',
    session_id: session.id,
    count: links.length,
    last_hash: links.at(-1)?.digest ?? null,
  });
  return { session, links, closing: await ledger.seal(draft) };
}

interface Entry {
  readonly session: EvidenceSession;
  readonly receipt: Receipt;
  readonly index: number;
  /** Of the receipt. */
  readonly digest: string;
  /** Base64 by hash. */
  readonly payloads: ReadonlyMap<string, string>;
}

/** The parts of a bundle that are read here (spec/bundle.md). */
type BundleDocument = JsonObject & {
  readonly payloads: readonly { readonly hash: string; readonly bytes: string }[];
  readonly receipts: readonly {
    readonly receipt: Receipt & JsonObject;
    readonly entry: JsonObject & { readonly index: number };
  }[];
};

function entryOf({ session, receipt, index, digest, payloads }: Entry): JsonObject {
  const { attestation, modelIdentity } = session;
  const kept = (type: string): string => {
    const hash = receipt.event_log.find((event) => event.type === type)?.body_hash;
    return decodeUtf8(decodeBase64(payloads.get(String(hash)) ?? ''));
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
        hash: digest,
      },
      model_identity: { hash: session.modelHash, name: modelIdentity.name ?? null, version: modelIdentity.version ?? null },
      attestation: { hash: session.attestationHash, provider_type: attestation.provider_type ?? null },
      binding: { signature: receipt.signature, nonce: attestation.nonce ?? null, timestamp: receipt.served_at },
      verification: { valid: true },
    },
    full_transcript: { request: kept('request.received'), response: kept('response.returned') },
  };
}
