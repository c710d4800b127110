/**
 * The record of a comparison (spec/model-comparison.md §6, §7) and its verification: challenges, scores, wealths and verdict are computed again,
 * and held against what was logged before the first query and after the last. The receipts come authenticated, from the bundles inside of the file.
 */

import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { ModelError, type ModelErrorCode } from '../errors.ts';
import { hexDigest } from '../identity/byte-source.ts';
import { challengeRequest } from './challenge-request.ts';
import { COMPARISON_FORMAT } from './format.ts';
import { type PlanDocument, parsePlan, planDigest } from './plan.ts';
import { type ComparedQuery, type ComparisonOutcome, ComparisonRun, viewKindOf } from './run.ts';
import { anyObject, anything, byKind, list, nullable, number, object, oneOf, text } from './shape.ts';
import {
  assertParties,
  type ComparedReceipt,
  type LoggedSpan,
  type PartyReceipts,
  type SignedAnswers,
} from './signed-answers.ts';

const MAX_QUERIES = 4096;

const views = byKind({
  known: { logprobs: list(list(nullable(number()), 128), 256) },
  greedy: { tokens: list(object({ token: text(), gap: number() }), 256) },
  logits: { positions: list(object({ token: text(), logits: text() }), 256) },
  answer: { body: text() },
});

const queryShape = object({
  index: number({ least: 0, whole: true }),
  variant: number({ least: 0, most: 31, whole: true }),
  request: text(),
  response: nullable(text()),
  failure: nullable(text({ most: 200 })),
  reference: nullable(views),
});

const recordShape = object({
  format: oneOf([COMPARISON_FORMAT]),
  plan: anything,
  key: text({ pattern: /^[0-9a-f]{64}$/ }),
  queries: list(queryShape, MAX_QUERIES),
  /** Held against the one that is computed again. */
  outcome: anyObject,
  /** The bundle with both receipts of the comparison. */
  log: anything,
  /** Bundles with receipts of the attested agents that answered; `null` for parties without. */
  candidate_log: nullable(list(anything, 64)),
  reference_log: nullable(list(anything, 64)),
});

export interface ComparisonRecord {
  readonly plan: PlanDocument;
  readonly key: string;
  readonly queries: readonly ComparedQuery[];
  readonly outcome: ComparisonOutcome;
}

/** What the steps of the verification found. */
export interface ComparisonProofs {
  /** When plan and key, and the record after them, were logged. */
  readonly logged: LoggedSpan;
  /** Requests that follow from plan and key, byte for byte. */
  readonly challenges: number;
  /** Answers that receipts of the agents stand for; `null` for a party without a keyset. */
  readonly signed: SignedAnswers;
}

/** A record that was verified; its outcome was computed again from the answers. */
export interface VerifiedComparison extends ComparisonRecord {
  readonly proofs: ComparisonProofs;
}

export interface RecordReceipts {
  /** Of the party that compared. */
  readonly log: readonly ComparedReceipt[];
  /** Of the agents; `null` where the record has no bundles of theirs. */
  readonly candidate: PartyReceipts | null;
  readonly reference: PartyReceipts | null;
}

/**
 * The digest that is logged at the end: of everything but the bundles.
 * @example recordDigest(record) // sha256:…
 */
export function recordDigest({ plan, key, queries, outcome }: ComparisonRecord): string {
  return `sha256:${hexDigest(utf8(canonicalJson({ plan, key, queries, outcome })))}`;
}

/**
 * @param file the parsed file.
 * @returns the record, whose outcome was computed again.
 * @throws {ModelError} `comparison/malformed`, `comparison/not-committed`, `comparison/challenge-mismatch`, `comparison/edited`,
 * `comparison/answer-unsigned`, `comparison/model-mismatch`.
 * @example verifyComparison(file, { log, candidate: null, reference: null }).outcome.verdict // 'DIFFERENT'
 */
export function verifyComparison(file: JsonObject, receipts: RecordReceipts): VerifiedComparison {
  const { plan: planned, key, queries, outcome } = recordShape(file, 'record');
  const plan = parsePlan(JSON.parse(JSON.stringify(planned)));
  const record = { plan, key, queries, outcome: outcome as unknown as ComparisonOutcome };
  const logged = assertCommitted(record, receipts.log);
  const challenges = assertChallenges(record);
  assertViews(record);
  const computed = assertOutcome(record);
  const signed = assertParties(record, receipts, logged);
  return { plan, key, queries, outcome: computed, proofs: { logged, challenges, signed } };
}

/** The plan was logged with the key's digest, and the whole record after it. */
function assertCommitted(record: ComparisonRecord, receipts: readonly ComparedReceipt[]): LoggedSpan {
  const { plan, key } = record;
  const keyHash = `sha256:${hexDigest(decodeHex(key))}`;
  if (keyHash !== plan.key_hash)
    throw refusal('comparison/challenge-mismatch', `a key with the digest ${plan.key_hash}`, keyHash);
  const plans = eventsIn(receipts, 'comparison.planned').filter(({ event }) => event.plan_hash === planDigest(plan));
  const [planned] = plans;
  if (planned === undefined || plans.length > 1 || planned.event.key_hash !== plan.key_hash)
    throw refusal('comparison/not-committed', 'one receipt with this plan and the digest of its key', `${plans.length}`);
  const ends = eventsIn(receipts, 'models.compared').filter(({ event }) => event.plan_hash === planDigest(plan));
  const [ended] = ends;
  if (ended === undefined || ends.length > 1 || ended.event.record_hash !== recordDigest(record))
    throw refusal(
      'comparison/edited',
      'one receipt with the digest of this record',
      ends.length === 1 ? 'another record' : `${ends.length}`,
    );
  if (ended.receipt.index <= planned.receipt.index)
    throw refusal('comparison/not-committed', 'a plan that was logged before the result', 'one that was logged after it');
  return { planned: planned.receipt.time, ended: ended.receipt.time };
}

/** @returns how many follow from the key. */
function assertChallenges({ plan, key, queries }: ComparisonRecord): number {
  const bytes = decodeHex(key);
  let made = 0;
  for (const [place, { index, variant, request }] of queries.entries()) {
    if (index !== place || variant >= plan.variants)
      throw refusal('comparison/challenge-mismatch', `query ${place} in its place`, `query ${index}, variant ${variant}`);
    if (request !== challengeRequest(plan, bytes, { index, variant }))
      throw refusal(
        'comparison/challenge-mismatch',
        `the challenge that follows from the key as query ${index}`,
        'another request',
      );
    made += 1;
  }
  return made;
}

/**
 * An answer or a failure, never both; and of the reference what its kind and the tier give: an endpoint's own answer, which it can have signed.
 * Only a file has no view, of an answer that it cannot follow.
 */
function assertViews({ plan, queries }: ComparisonRecord): void {
  const kind = viewKindOf(plan);
  for (const { index, response, failure, reference } of queries) {
    if ((response === null) !== (failure !== null) || (response === null && reference !== null))
      throw malformed(`an answer to query ${index}, or the code of its failure`, 'both or neither');
    if (response === null || reference?.kind === kind || (reference === null && kind === 'known')) continue;
    throw malformed(`a view of the kind ${kind} for query ${index}`, reference?.kind ?? 'none');
  }
}

/** @returns the outcome as it was computed again. */
function assertOutcome({ plan, queries, outcome }: ComparisonRecord): ComparisonOutcome {
  const run = new ComparisonRun(plan);
  for (const query of queries) {
    if (run.state.ended) throw refusal('comparison/edited', `${query.index} queries by the verdict`, 'more');
    run.push(query);
  }
  const found = run.outcome();
  if (canonicalJson(found) !== canonicalJson(outcome))
    throw refusal('comparison/edited', `the outcome ${describe(found)}`, describe(outcome));
  return found;
}

/** Also of an outcome that came with a file, whose members can be of any type. */
function describe({ verdict, queries, logDifferent, logSame }: ComparisonOutcome): string {
  return `${shown(verdict)} after ${shown(queries)} queries with wealths of e^${shown(logDifferent, 3)} and e^${shown(logSame, 3)}`;
}

function shown(value: unknown, digits = 0): string {
  if (typeof value === 'string') return value.slice(0, 20);
  return typeof value === 'number' ? value.toFixed(digits) : '?';
}

function eventsIn(receipts: readonly ComparedReceipt[], type: string) {
  return receipts.flatMap((receipt) =>
    receipt.events.filter((event) => event.type === type).map((event) => ({ receipt, event })),
  );
}

function refusal(code: ModelErrorCode, expected: string, got: string): ModelError {
  return new ModelError(code, `expected ${expected}, got ${got}; do not rely on the file`);
}

function malformed(expected: string, got: string): ModelError {
  return new ModelError('comparison/malformed', `expected ${expected}, got ${got}; have the comparison made again`);
}
