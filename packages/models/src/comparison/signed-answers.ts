/**
 * The answers of attested parties (spec/model-comparison.md §8): each has a receipt of its own, under the keyset that the plan names or one that a
 * logged succession joins to it, and the receipt names the weights that the plan compares. The receipts come authenticated, from verified bundles.
 * Not checked: that a party's name is the address of the agent with that keyset, and that the agent is one that the reader wants.
 */

import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { ModelError, type ModelErrorCode } from '../errors.ts';
import { hexDigest } from '../identity/byte-source.ts';
import type { AuthenticReceipt } from '../transcripts/transcripts.ts';
import { challengeRequest } from './challenge-request.ts';
import type { PlanParty } from './plan.ts';
import type { ComparisonRecord } from './record.ts';

export interface ComparedReceipt extends AuthenticReceipt {
  /** `sha256:` and hex: the keyset that signed it. */
  readonly keyset: string;
  /** Of its leaf in the log, epoch milliseconds by the clock of who logged it. */
  readonly time: number;
}

/** When plan and record were logged, epoch milliseconds, by the clock of the party that compared. */
export interface LoggedSpan {
  readonly planned: number;
  readonly ended: number;
}

/** What the bundles of one agent hold. */
export interface PartyReceipts {
  readonly receipts: readonly ComparedReceipt[];
  /** Keysets, of which the first named the second as its last act. */
  readonly successions: readonly { readonly ending: string; readonly next: string }[];
}

const PARTIES = ['candidate', 'reference'] as const;
/** By which the clocks of an agent and of the party that compared may differ, milliseconds. */
const CLOCKS_APART = 60_000;
type PartyName = (typeof PARTIES)[number];

/** How many answers of each party have a receipt between plan and record; `null` for a party without a keyset. */
export type SignedAnswers = Readonly<Record<PartyName, number | null>>;

/**
 * A party with a keyset signed every answer that the record has of it; a party without one has no bundles. No receipt stands for two answers.
 * Each was given between plan and record, by the agent's own clock.
 * @throws {ModelError} `comparison/answer-unsigned`, `comparison/model-mismatch`, `comparison/not-committed`, `comparison/malformed`.
 */
export function assertParties(
  record: ComparisonRecord,
  receipts: Readonly<Record<PartyName, PartyReceipts | null>>,
  logged: LoggedSpan,
): SignedAnswers {
  const used = new Set<string>();
  const answers: Record<PartyName, number | null> = { candidate: null, reference: null };
  for (const party of PARTIES) {
    const { keyset_hash: keyset } = record.plan[party];
    const signed = receipts[party];
    if (keyset === null && signed !== null)
      throw new ModelError(
        'comparison/malformed',
        `expected bundles of attested parties only, got some of the ${party}, whose keyset the plan does not name; have the comparison made again`,
      );
    if (keyset === null) continue;
    if (signed === null)
      throw refusal('comparison/answer-unsigned', `bundles of the ${party} with the keyset ${keyset}`, 'none');
    answers[party] = assertSigned(record, { party, keyset, signed, used, logged });
  }
  return answers;
}

interface Signing {
  readonly party: PartyName;
  readonly keyset: string;
  readonly signed: PartyReceipts;
  /** Digests of the receipts that stand for an answer already. */
  readonly used: Set<string>;
  readonly logged: LoggedSpan;
}

/** @returns how many answers found their receipt. */
function assertSigned(record: ComparisonRecord, { party, keyset, signed, used, logged }: Signing): number {
  const before = used.size;
  const keysets = successorsOf(keyset, signed);
  const byAnswer = new Map<string, ComparedReceipt[]>();
  for (const receipt of signed.receipts) {
    const name = namesOf(receipt);
    byAnswer.set(name, [...(byAnswer.get(name) ?? []), receipt]);
  }
  for (const { index, request, body } of answersOf(record, party)) {
    const found = byAnswer.get(nameOf(request, body))?.filter(({ digest }) => !used.has(digest)) ?? [];
    const faults = found.map((receipt) => faultOf(receipt, { keysets, keyset, party, logged, expected: record.plan[party] }));
    const [first] = faults;
    if (first === undefined)
      throw refusal('comparison/answer-unsigned', `a receipt of the ${party} over query ${index}`, 'none');
    const receipt = found[faults.indexOf(null)];
    if (receipt === undefined) throw first;
    used.add(receipt.digest);
  }
  return used.size - before;
}

/** The answers that a record has of one party, with the exact bodies of request and answer. */
export function answersOf(
  { plan, key, queries }: ComparisonRecord,
  party: PartyName,
): readonly { readonly index: number; readonly request: string; readonly body: string }[] {
  const bytes = decodeHex(key);
  return queries.flatMap(({ index, variant, response, reference }) => {
    const body = party === 'candidate' ? response : reference?.kind === 'answer' ? reference.body : null;
    return body === null ? [] : [{ index, request: challengeRequest(plan, bytes, { index, variant, party }), body }];
  });
}

/** The keyset itself, and those that logged successions lead to. */
function successorsOf(keyset: string, { successions }: PartyReceipts): ReadonlySet<string> {
  const found = new Set([keyset]);
  for (const each of found) for (const { ending, next } of successions) if (ending === each) found.add(next);
  return found;
}

interface Expected {
  readonly keysets: ReadonlySet<string>;
  readonly keyset: string;
  readonly party: PartyName;
  readonly logged: LoggedSpan;
  readonly expected: PlanParty;
}

/** Why a receipt over the right bytes does not stand for the party's answer; `null`: it does. */
function faultOf(
  { keyset, events, servedAt }: ComparedReceipt,
  { keysets, keyset: named, party, logged, expected }: Expected,
): ModelError | null {
  if (!keysets.has(keyset))
    return refusal(
      'comparison/answer-unsigned',
      `receipts of the ${party} under the keyset ${named}, or one that it named`,
      keyset,
    );
  // Served times are whole seconds.
  const [from, to] = [logged.planned - CLOCKS_APART - 1000, logged.ended + CLOCKS_APART];
  if (servedAt * 1000 < from || servedAt * 1000 > to)
    return refusal(
      'comparison/not-committed',
      `answers of the ${party} between plan (${logged.planned}) and record (${logged.ended})`,
      `one of ${servedAt * 1000}`,
    );
  const calls = events.filter(({ type, error }) => type === 'model.called' && (error ?? null) === null);
  for (const member of ['model_hash', 'profile_hash'] as const) {
    const wanted = expected[member];
    if (wanted === null) continue;
    const other = calls.find((call) => call[member] !== wanted);
    if (calls.length > 0 && other === undefined) continue;
    const got = other === undefined ? 'no call of a model' : String(other[member] ?? 'none');
    return refusal('comparison/model-mismatch', `answers of the ${party} with the ${member} ${wanted}`, got);
  }
  return null;
}

function namesOf({ events }: ComparedReceipt): string {
  const request = events.find(({ type }) => type === 'request.received')?.body_hash;
  const answer = events.findLast(({ type }) => type === 'response.returned')?.body_hash;
  return `${String(request)} ${String(answer)}`;
}

function nameOf(request: string, answer: string): string {
  return `sha256:${hexDigest(utf8(request))} sha256:${hexDigest(utf8(answer))}`;
}

function refusal(code: ModelErrorCode, expected: string, got: string): ModelError {
  return new ModelError(code, `expected ${expected}, got ${got}; do not rely on the file`);
}
