/** Transactions that wait for owners: each is approved once, within a day, under the policy that asked, for exactly what was asked (spec/operator.md §12). */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { blobFeeOf, type DecisionRequest, type Hex, keccakOf, OperatorError } from '@assay/operator';
import { ServerError } from '../errors.ts';
import type { Operator } from './operator.ts';
import type { RowChange } from './sealed-state.ts';

/** Seconds. */
const LIFETIME = 86_400;
/** Requests that may wait at the same time. */
const MOST_PENDING = 1000;

/** What waits. */
export interface PendingApproval {
  readonly hash: Hex;
  readonly chainId: number;
  readonly to: Hex | null;
  /** Decimal. */
  readonly value: string;
  readonly data: Hex;
  readonly delegate?: Hex | undefined;
  readonly blobHashes?: readonly Hex[] | undefined;
  /** The most wei that the blobs cost, decimal. */
  readonly mostForBlobs?: string | undefined;
  readonly requestId: string;
  /** Epoch seconds. */
  readonly expiry: number;
  /** Hex SHA-256 of the API key that asked, or `null`. */
  readonly access: string | null;
  /** Of the policy that asked for owners: the next one ends what waits. */
  readonly policyVersion: number;
}

const PENDING = 'pending/';
const APPROVED = 'approved/';

/** What owners sign as `transactionHash`: everything but nonce and fees for gas, which are not known yet, with a random id that makes it unique. */
export function requestHash(
  agentId: Hex,
  request: Pick<
    PendingApproval,
    'chainId' | 'to' | 'value' | 'data' | 'delegate' | 'blobHashes' | 'mostForBlobs' | 'requestId'
  >,
): Hex {
  const { chainId, to, value, data, requestId } = request;
  const document = {
    v: 'assay-transaction-request/1',
    agent_id: agentId,
    chain_id: chainId,
    to,
    value,
    data,
    ...carriedOf(request),
    request_id: requestId,
  };
  return keccakOf(utf8(canonicalJson(document)));
}

/** Members that only requests of the newer types have, so that the hash of the others is as it was. */
function carriedOf({
  delegate,
  blobHashes,
  mostForBlobs = '0',
}: Pick<PendingApproval, 'delegate' | 'blobHashes' | 'mostForBlobs'>): JsonObject {
  if (delegate !== undefined) return { delegate };
  return blobHashes === undefined ? {} : { blob_hashes: [...blobHashes], most_for_blobs: mostForBlobs };
}

/** What of a request owners approve. */
function waitingOf({
  chainId,
  to,
  value,
  data,
  delegate,
  blobs,
}: DecisionRequest): Pick<PendingApproval, 'chainId' | 'to' | 'value' | 'data' | 'delegate' | 'blobHashes' | 'mostForBlobs'> {
  const common = { chainId, to, value: String(value), data, delegate };
  return blobs === undefined
    ? common
    : { ...common, blobHashes: blobs.versionedHashes, mostForBlobs: String(blobFeeOf(blobs)) };
}

export class PendingApprovals {
  readonly #operator: Operator;

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** What waits now. */
  list(): readonly PendingApproval[] {
    return this.#operator.state
      .list(PENDING)
      .map(([, value]) => value as unknown as PendingApproval)
      .filter((each) => this.#waits(each));
  }

  /**
   * The rows that let a request wait.
   * @throws {ServerError} `server/busy` when too many wait.
   */
  add(
    request: DecisionRequest,
    requestId: string,
    access: string | null,
  ): { readonly hash: Hex; readonly expiry: number; readonly rows: readonly RowChange[] } {
    const { state, agentId, now, control } = this.#operator;
    if (this.list().length >= MOST_PENDING)
      throw new ServerError('server/busy', `${MOST_PENDING} transactions wait for owners; try again when some are approved`, {
        details: { retryAfterSeconds: 60 },
      });
    const waiting = { ...waitingOf(request), requestId };
    const hash = requestHash(agentId, waiting);
    const expiry = now + LIFETIME;
    const old = state.list(PENDING).filter(([, value]) => !this.#waits(value as unknown as PendingApproval));
    const pending: PendingApproval = { ...waiting, hash, expiry, access, policyVersion: control.policy.version };
    return {
      hash,
      expiry,
      rows: [{ key: PENDING + hash, value: pending as unknown as JsonObject }, ...old.map(([key]) => ({ key, value: null }))],
    };
  }

  /**
   * The rows that use an approval up.
   * @throws {OperatorError} `operator/replayed`; {ServerError} `operator/approval-mismatch`.
   */
  take(hash: Hex, request: DecisionRequest, chainId: number): readonly RowChange[] {
    const { state } = this.#operator;
    if (state.coming(APPROVED + hash) !== undefined)
      throw new OperatorError(
        'operator/replayed',
        'this approval was used before; ask again, and have the new request approved',
      );
    const pending = this.list().find((each) => each.hash === hash);
    const asked = waitingOf(request);
    const same =
      pending !== undefined &&
      chainId === request.chainId &&
      // What blobs cost follows the price of the hour: owners approved the most.
      BigInt(asked.mostForBlobs ?? 0) <= BigInt(pending.mostForBlobs ?? 0) &&
      requestHash(this.#operator.agentId, {
        ...asked,
        requestId: pending.requestId,
        mostForBlobs: pending.mostForBlobs,
      }) === hash;
    if (!same)
      throw new ServerError(
        'operator/approval-mismatch',
        'expected an approval of this very transaction, which waits, got one of another, or its time or its policy is over; ask again without approval',
      );
    return [
      { key: PENDING + hash, value: null },
      { key: APPROVED + hash, value: true },
    ];
  }

  #waits({ expiry, policyVersion }: PendingApproval): boolean {
    const { now, control } = this.#operator;
    return now < expiry && policyVersion === control.policy.version;
  }
}
