/** What is done with API keys and their usage, each one transaction. */

import type { JsonObject } from '@assay/encoding/json';
import { type Operation, query, type Room, type RoomOperation } from '../rows/operation.ts';
import { type KeyQuotas, USAGE_COUNTS, type Usage, type UsageCount } from './port.ts';

/** Days of usage that are kept. */
const KEPT_DAYS = 400;
const MOST_FORGOTTEN = 100;

export interface AdmitArgs {
  readonly access: string;
  readonly day: string;
  readonly cost: Usage;
  readonly quotas: KeyQuotas;
  readonly uses: readonly UsageCount[];
  /** What is known to have been used: a row that says less was put back, and counts as this. */
  readonly floor: Usage;
}

interface Admitted extends JsonObject {
  readonly spent: UsageCount | null;
  readonly used: Used;
}

/** As {@link Usage}, as a row holds it. */
type Used = Usage & JsonObject;

/** Counts a cost, or names the quota that is used up and counts nothing. */
export const admitCost: RoomOperation<AdmitArgs, Admitted> = {
  name: 'keys.admit',
  *steps({ access, day, cost, quotas, uses, floor }) {
    const before = yield* usedBefore(access, day, floor);
    for (const count of USAGE_COUNTS) {
      const most = quotas[count];
      if (most === undefined) continue;
      const used = before[count];
      if ((cost[count] > 0 && used + cost[count] > most) || (uses.includes(count) && used >= most))
        return { spent: count, used: before };
    }
    return { spent: null, used: yield* add(access, day, before, cost) };
  },
};

interface SpentCost {
  readonly access: string;
  readonly day: string;
  readonly cost: Usage;
  readonly floor: Usage;
}

/** Counts costs; gives what was used with each. */
export const addCosts: RoomOperation<readonly SpentCost[], readonly Used[]> = {
  name: 'keys.spend',
  *steps(costs) {
    const used: Used[] = [];
    for (const { access, day, cost, floor } of costs)
      used.push(yield* add(access, day, yield* usedBefore(access, day, floor), cost));
    const [{ day: newest } = { day: '' }] = costs;
    if (newest !== '') yield* forget(newest);
    return used;
  },
};

/** The row is locked before it is read, so that requests at the same time do not all see room for one. */
function* usedBefore(access: string, day: string, floor: Usage): Operation<Used> {
  const [row] = yield query(
    `INSERT INTO key_usage VALUES ($1, $2, 0, 0, 0, 0) ON CONFLICT (access, day) DO UPDATE SET requests = key_usage.requests
     RETURNING requests, tasks, tokens, bytes`,
    access,
    day,
  );
  return usage((count) => Math.max(Number(row?.[count]), floor[count]));
}

function* add(access: string, day: string, before: Usage, cost: Usage): Operation<Used> {
  const used = usage((count) => before[count] + cost[count]);
  yield query(
    'UPDATE key_usage SET requests = $3, tasks = $4, tokens = $5, bytes = $6 WHERE access = $1 AND day = $2',
    access,
    day,
    used.requests,
    used.tasks,
    used.tokens,
    used.bytes,
  );
  return used;
}

function usage(of: (count: UsageCount) => number): Used {
  return { requests: of('requests'), tasks: of('tasks'), tokens: of('tokens'), bytes: of('bytes') };
}

function* forget(today: string): Operation<void> {
  const before = new Date(Date.parse(today) - KEPT_DAYS * 86_400_000).toISOString().slice(0, 10);
  const old = yield query('SELECT access, day FROM key_usage WHERE day < $1 LIMIT $2', before, MOST_FORGOTTEN);
  for (const { access = '', day = '' } of old) yield query('DELETE FROM key_usage WHERE access = $1 AND day = $2', access, day);
}

export interface UsageRow extends JsonObject {
  readonly access: string;
  readonly day: string;
  readonly requests: number;
  readonly tasks: number;
  readonly tokens: number;
  readonly bytes: number;
}

export function* usageSince(day: string, access: string | null): Operation<readonly UsageRow[]> {
  const rows =
    access === null
      ? yield query('SELECT * FROM key_usage WHERE day >= $1 ORDER BY day DESC, access', day)
      : yield query('SELECT * FROM key_usage WHERE day >= $1 AND access = $2 ORDER BY day DESC', day, access);
  return rows as readonly UsageRow[];
}

export const KEYS: Room = { name: 'keys', operations: [admitCost, addCosts] };
