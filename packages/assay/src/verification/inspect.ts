/** What any file claims, without a word on whether it is true: evidence as it was parsed, Assay's own files by what they hold. */

import { formatInstant, type RecognisedEvidence, recogniseEvidence } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson, type Json, type JsonObject } from '@assay/encoding/json';
import { type Digest, parseBundle, parseReceipt, type Receipt } from '@assay/receipt';
import type { PayloadOf, StoryLog } from '../story/index.ts';
import { answerPayloads } from './answer-payloads.ts';
import { ofNoKind } from './kinds.ts';
import { subjectOf } from './subject.ts';

export interface InspectedReceipt {
  readonly receipt: Receipt;
  /** Entry of the log as the bundle says; `null` elsewhere. */
  /** As the file says; `null` outside of bundles. */
  readonly log: StoryLog | null;
  readonly payload: PayloadOf;
}

export interface InspectedFile {
  /** `bundle`, `receipt`, `result`, `report`, `proof`, or the type of evidence. */
  readonly type: string;
  /** Values as JSON. */
  readonly unverified: unknown;
  /** The receipts in it, whose story can be told. */
  readonly receipts: readonly InspectedReceipt[];
}

/** Nested deeper is left out. */
const MAX_DEPTH = 12;

/**
 * @throws {AttestationError} `evidence/unrecognised`; the `malformed` codes of bundles, receipts and each kind of evidence.
 * @example (await inspectFile(bytes)).type // 'bundle'
 */
export async function inspectFile(bytes: Uint8Array): Promise<InspectedFile> {
  const subject = subjectOf(bytes);
  switch (subject.kind) {
    case 'bundle':
      return inspectBundle(subject.bytes);
    case 'receipt':
      return { type: 'receipt', unverified: summary(parseReceipt(subject.json)), receipts: [alone(subject.json)] };
    case 'result':
      return inspectResult(subject.json);
    case 'proof': {
      const { receipt, report: _, collateral: __, ...members } = subject.json;
      const told = isObject(receipt) ? [alone(receipt)] : [];
      return { type: 'proof', unverified: plain(members, 0), receipts: told };
    }
    case 'comparison': {
      const { log, candidate_log: _, reference_log: __, queries, ...members } = subject.json;
      const { receipts } = inspectBundle(utf8(canonicalJson(log ?? null)));
      const count = Array.isArray(queries) ? queries.length : 0;
      return { type: 'comparison', unverified: plain({ ...members, queries: count }, 0), receipts };
    }
    case 'transcripts': {
      const { assay_bundle: bundle, ...members } = subject.json;
      const { receipts } = inspectBundle(utf8(canonicalJson(bundle ?? null)));
      return { type: 'transcripts', unverified: plain(members, 0), receipts };
    }
    case 'report':
      return { type: 'report', unverified: plain(subject.json, 0), receipts: [] };
    case 'evidence': {
      const evidence = subject.evidence instanceof Uint8Array ? recognisedIn(subject.evidence) : subject.evidence;
      return { type: evidence.type, unverified: plain(evidence.value, 0), receipts: [] };
    }
  }
}

function recognisedIn(bytes: Uint8Array): RecognisedEvidence {
  try {
    return recogniseEvidence(bytes);
  } catch (error) {
    throw error instanceof Error ? ofNoKind(error) : error;
  }
}

function inspectBundle(bytes: Uint8Array): InspectedFile {
  const { receipts, reports, payloads, checkpoint, witnesses } = parseBundle(bytes);
  return {
    type: 'bundle',
    unverified: {
      log: { origin: checkpoint.split('\n')[0], size: checkpoint.split('\n')[1], witnesses: witnesses.length },
      reports: reports.map(({ entry }) => ({
        keyset: entry.leaf.keyset_digest,
        time: formatInstant(entry.leaf.time),
      })),
      payloads: { count: payloads.size, bytes: [...payloads.values()].reduce((sum, { length }) => sum + length, 0) },
    },
    receipts: receipts.map(({ entry, receipt }) => ({
      receipt,
      log: { index: entry.index, head: null },
      payload: (digest) => payloads.get(digest as Digest) ?? null,
    })),
  };
}

async function inspectResult(json: JsonObject): Promise<InspectedFile> {
  const { receipt, bundle: _, log_proof: __, attestation, ...answer } = json;
  const { report: ___, bundle: ____, ...stated } = isObject(attestation) ? attestation : {};
  const told = isObject(receipt) ? [{ ...alone(receipt), payload: await answerPayloads(json) }] : [];
  return { type: 'result', unverified: plain({ ...answer, attestation: stated }, 0), receipts: told };
}

function alone(json: JsonObject): InspectedReceipt {
  return { receipt: parseReceipt(json), log: null, payload: () => null };
}

function summary({ event_log, ...members }: Receipt): unknown {
  return plain({ ...members, events: event_log.length }, 0);
}

/** Parsed values as JSON: bytes become hex, maps become objects. */
function plain(value: unknown, depth: number): unknown {
  if (value instanceof Uint8Array) return encodeHex(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (value instanceof Set) return [...value].map((item) => plain(item, depth + 1));
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(entries.map(([name, item]) => [String(name), plain(item, depth + 1)]));
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
