/** What agents settle among each other, each one transaction. Old rows go a few at a time with new ones. */

import type { JsonObject } from '@assay/encoding/json';
import { LedgerError } from '../errors.ts';
import { type Operation, query, type Room, type RoomOperation } from '../rows/operation.ts';

const MOST_FORGOTTEN = 50;
/** Keys of requests that are remembered of one owner. */
const MOST_REQUEST_KEYS = 10_000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A bucket that was not asked for so long is full again. */
const IDLE_MS = 2 * MINUTE_MS;

/** Milliseconds until the bucket holds one; 0 when it did, and one was taken. A bucket holds what comes in a minute. */
export const takeToken: RoomOperation<{ readonly name: string; readonly perMinute: number; readonly now: number }, number> = {
  name: 'coordination.take',
  *steps({ name, perMinute, now }) {
    const most = perMinute * 1000;
    // Locks the row before it is read.
    const [row] = yield query(
      'INSERT INTO rate_buckets VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING thousandths, at',
      name,
      most,
      now,
    );
    // A clock that went back gives nothing; one that jumped ahead no more than is in the bucket.
    const since = Math.max(0, now - Number(row?.at));
    const held = Math.min(most, Number(row?.thousandths) + Math.floor((since * most) / MINUTE_MS));
    // A refusal changes nothing, so that asking often does not round away what comes in.
    if (held < 1000) return Math.ceil(((1000 - held) * MINUTE_MS) / most);
    const at = Math.max(now, Number(row?.at));
    yield query('UPDATE rate_buckets SET thousandths = $2, at = $3 WHERE name = $1', name, held - 1000, at);
    const idle = yield query('SELECT name FROM rate_buckets WHERE at < $1 LIMIT $2', now - IDLE_MS, MOST_FORGOTTEN);
    for (const each of idle)
      yield query('DELETE FROM rate_buckets WHERE name = $1 AND at < $2', each.name ?? '', now - IDLE_MS);
    return 0;
  },
};

/** What stands under a name: this value, or the first one. */
export const agree: RoomOperation<{ readonly name: string; readonly value: string }, string> = {
  name: 'coordination.agree',
  *steps({ name, value }) {
    const [row] = yield query(
      'INSERT INTO agreed VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING value',
      name,
      value,
    );
    return String(row?.value);
  },
};

interface ClaimArgs {
  readonly owner: string;
  readonly key: string;
  readonly digest: string;
  readonly task: string;
  readonly now: number;
  /** What ended before this time is forgotten. */
  readonly oldest: number;
}

interface Claimed extends JsonObject {
  readonly digest: string;
  readonly task: string;
}

/** What stands under the key: this request, or the first one of a day. */
export const claimRequest: RoomOperation<ClaimArgs, Claimed> = {
  name: 'coordination.claim',
  *steps({ owner, key, digest, task, now, oldest }) {
    const old = yield query('SELECT owner, key FROM request_keys WHERE expires_at < $1 LIMIT $2', oldest, MOST_FORGOTTEN);
    for (const each of old)
      yield query(
        'DELETE FROM request_keys WHERE owner = $1 AND key = $2 AND expires_at < $3',
        each.owner ?? '',
        each.key ?? '',
        oldest,
      );
    yield query('DELETE FROM request_keys WHERE owner = $1 AND key = $2 AND expires_at < $3', owner, key, oldest);
    const [held] = yield query('SELECT count(*) AS n FROM request_keys WHERE owner = $1', owner);
    if (Number(held?.n) >= MOST_REQUEST_KEYS) {
      const [there] = yield query('SELECT digest, task FROM request_keys WHERE owner = $1 AND key = $2', owner, key);
      if (there !== undefined) return there as Claimed;
      throw new LedgerError(
        'ledger/request-keys-full',
        `expected at most ${MOST_REQUEST_KEYS} Idempotency-Keys of an API key in a day, got one more; send it later, or without the header`,
      );
    }
    const [row] = yield query(
      `INSERT INTO request_keys VALUES ($1, $2, $3, $4, $5) ON CONFLICT (owner, key) DO UPDATE SET owner = excluded.owner
       RETURNING digest, task`,
      owner,
      key,
      digest,
      task,
      now + DAY_MS,
    );
    return row as Claimed;
  },
};

export const releaseRequest: RoomOperation<{ readonly owner: string; readonly key: string; readonly task: string }, null> = {
  name: 'coordination.release',
  *steps({ owner, key, task }) {
    yield query('DELETE FROM request_keys WHERE owner = $1 AND key = $2 AND task = $3', owner, key, task);
    return null;
  },
};

export const addPage: RoomOperation<
  { readonly receipt: string; readonly n: number; readonly page: string; readonly now: number },
  null
> = {
  name: 'coordination.publish',
  *steps({ receipt, n, page, now }) {
    yield query('INSERT INTO task_pages VALUES ($1, $2, $3, $4) ON CONFLICT (receipt, n) DO NOTHING', receipt, n, page, now);
    // Of agents that went away in the middle.
    const old = yield query('SELECT receipt, n FROM task_pages WHERE at < $1 LIMIT $2', now - DAY_MS, MOST_FORGOTTEN);
    for (const each of old)
      yield query('DELETE FROM task_pages WHERE receipt = $1 AND n = $2', each.receipt ?? '', each.n ?? 0);
    return null;
  },
};

export function* pagesOf(receipt: string, after: number): Operation<readonly { readonly n: number; readonly page: string }[]> {
  const rows = yield query('SELECT n, page FROM task_pages WHERE receipt = $1 AND n >= $2 ORDER BY n', receipt, after);
  return rows as unknown as readonly { readonly n: number; readonly page: string }[];
}

export const addOrder: RoomOperation<{ readonly receipt: string; readonly content: string; readonly now: number }, null> = {
  name: 'coordination.order',
  *steps({ receipt, content, now }) {
    yield query('DELETE FROM task_orders WHERE at < $1', now - DAY_MS);
    yield query('INSERT INTO task_orders (receipt, content, at) VALUES ($1, $2, $3)', receipt, content, now);
    return null;
  },
};

interface OrderRow extends JsonObject {
  readonly receipt: string;
  readonly content: string;
}

/** Whether one of these tasks has orders. */
export function* hasOrders(receipts: readonly string[]): Operation<boolean> {
  const rows = yield query(
    `SELECT 1 AS there FROM task_orders WHERE receipt IN (${receipts.map((_, i) => `$${i + 1}`).join(', ')}) LIMIT 1`,
    ...receipts,
  );
  return rows.length > 0;
}

export const takeOrders: RoomOperation<readonly string[], readonly OrderRow[]> = {
  name: 'coordination.take-orders',
  *steps(receipts) {
    const rows = yield query(
      `SELECT cursor, receipt, content FROM task_orders WHERE receipt IN (${receipts.map((_, i) => `$${i + 1}`).join(', ')}) ORDER BY cursor`,
      ...receipts,
    );
    const taken: OrderRow[] = [];
    for (const { cursor = 0, receipt, content } of rows) {
      const gone = yield query('DELETE FROM task_orders WHERE cursor = $1 RETURNING cursor', cursor);
      if (gone.length === 1) taken.push({ receipt: String(receipt), content: String(content) });
    }
    return taken;
  },
};

export const forgetTask: RoomOperation<string, null> = {
  name: 'coordination.forget',
  *steps(receipt) {
    yield query('DELETE FROM task_pages WHERE receipt = $1', receipt);
    yield query('DELETE FROM task_orders WHERE receipt = $1', receipt);
    return null;
  },
};

export const COORDINATION: Room = {
  name: 'coordination',
  operations: [agree, takeToken, claimRequest, releaseRequest, addPage, addOrder, takeOrders, forgetTask],
};
