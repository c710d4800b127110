/** What the wallet refuses before it decides, and the words for what the policy denies. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { type Caller, OperatorError } from '@assay/operator';
import { ServerError } from '../errors.ts';
import type { Operator } from './operator.ts';
import type { TransactionBook } from './transaction-book.ts';
import type { Variables } from './variables.ts';

/** The refusal of a decision; its details go into the receipt. */
export function denied(rule: string | null, reason: string): ServerError {
  return new ServerError(
    'operator/denied',
    `the policy denies it: ${reason}; change the request, or ask the owners for another policy`,
    {
      details: { rule, reason },
    },
  );
}

/** @throws {ServerError} `operator/idempotency-mismatch`. */
export function refuseOtherBody(before: string, body: string): void {
  if (before !== body)
    throw new ServerError(
      'operator/idempotency-mismatch',
      'this idempotency key was used for another request; take a new key, or send the same body',
    );
}

/** The prompt whose tool call asks, known inside of the agent. */
export interface CallingPrompt {
  readonly receiptId: string;
}

/**
 * Who asks: the API key or `secret_token` is the authority; a prompt that is named makes it a tool's request.
 * @throws {ServerError} `http/unauthorized`.
 */
export function callerOf(variables: Variables, access: string | null, token: string | undefined, cause: string | null): Caller {
  const named = access !== null ? 'key' : isToken(variables, token) ? 'token' : null;
  if (named === null) throw new ServerError('http/unauthorized', 'Invalid secret token');
  return cause === null ? named : 'tool';
}

/**
 * A request of a tool call names the receipt of the prompt, which must be one of this caller's; it may still be running.
 * @throws {ServerError} `task/bad-input`.
 */
export async function refuseUnlessPrompt(
  { ledger, prompts }: Operator,
  receiptId: string,
  access: string | null,
): Promise<void> {
  if (prompts.get(receiptId) === access) return;
  const found = await ledger.find(receiptId);
  const asked = found?.receipt.event_log.some(({ type, task }) => type === 'task.received' && task === 'prompt') === true;
  if (found === null || !asked || found.access !== access)
    throw new ServerError(
      'task/bad-input',
      'prompt_receipt: expected the receipt of a prompt of this caller, got another; send the one that asked for this',
    );
}

/** Whether a caller shows the value of the variable `secret_token`. An empty or missing token is never right. */
function isToken(variables: Variables, given: string | undefined): boolean {
  const expected = variables.declares('secret_token') ? variables.value('secret_token') : '';
  if (given === undefined || given === '' || expected === '') return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** @throws {OperatorError} `operator/paused`. */
export function refusePaused(paused: boolean): void {
  if (paused) throw new OperatorError('operator/paused', 'an owner paused signing; owners resume it with SetPaused');
}

/** A chain as a node shows it. */
interface SeenChain {
  readonly chainId: number;
  /** Transactions of the wallet that it has. */
  readonly confirmedNonce: number;
}

/**
 * Takes in what other agents on the same database wrote, when the chain has seen more than this state: their rows are written before anything is
 * sent, so what {@link refuseBehind} finds afterwards is of none of them.
 * @throws {ServerError} `operator/state-moved` while a write of this agent keeps it from reading: decide again.
 */
export async function readIfBehind(
  operator: Operator,
  book: TransactionBook,
  { chainId, confirmedNonce }: SeenChain,
): Promise<void> {
  if (confirmedNonce <= book.nonces.next(chainId)) return;
  await operator.state.settled(); // nothing is read while this agent writes
  if ((await operator.fresh()) || confirmedNonce <= book.nonces.next(chainId)) return;
  throw new ServerError(
    'operator/state-moved',
    'expected the rows of all agents of this database, got a write of this agent on its way; send the request again',
  );
}

const OTHER_STATE = 'the state was put back, or another agent has the key';

/**
 * Refuses when the chain has seen more of this wallet than this state has, or other than that. `details.next` is the nonce that owners
 * acknowledge for the wallet to go on.
 * @throws {ServerError} `operator/state-behind`.
 */
export function refuseBehind(book: TransactionBook, { chainId, confirmedNonce }: SeenChain): void {
  const elsewhere = book.usedElsewhere().find((each) => each.chainId === chainId);
  if (elsewhere !== undefined) throw signedElsewhere({ ...elsewhere, confirmedNonce });
  const known = book.nonces.next(chainId);
  if (confirmedNonce <= known) return;
  throw new ServerError(
    'operator/state-behind',
    `expected at most ${known} transactions of this wallet on chain ${chainId}, got ${confirmedNonce}: ${OTHER_STATE}; owners sign AcknowledgeState with the nonce ${confirmedNonce}`,
    { details: { chainId, next: confirmedNonce, confirmedNonce } },
  );
}

/**
 * For a signature that names no chain: refuses it while any chain has a transaction of this wallet that was not signed here. No node is asked, so
 * `details.next` is the nonce after that transaction.
 * @throws {ServerError} `operator/state-behind`.
 */
export function refuseSignedElsewhere(book: TransactionBook): void {
  const [elsewhere] = book.usedElsewhere();
  if (elsewhere !== undefined) throw signedElsewhere({ ...elsewhere, confirmedNonce: null });
}

function signedElsewhere({
  chainId,
  nonce,
  confirmedNonce,
}: {
  readonly chainId: number;
  readonly nonce: number;
  readonly confirmedNonce: number | null;
}): ServerError {
  const next = Math.max(nonce + 1, confirmedNonce ?? 0);
  return new ServerError(
    'operator/state-behind',
    `expected that all transactions of this wallet on chain ${chainId} were signed here, got another with the nonce ${nonce}: ${OTHER_STATE}; owners sign AcknowledgeState with the nonce ${next}`,
    { details: { chainId, next, confirmedNonce } },
  );
}
