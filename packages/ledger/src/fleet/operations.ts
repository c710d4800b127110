/** What agents write of themselves, each one transaction. An agent whose time is over is forgotten by the next one that asks for key ids. */

import type { JsonObject } from '@assay/encoding/json';
import { type Operation, query, type Room, type RoomOperation } from '../rows/operation.ts';

const MOST_KEY_ID = 254;

interface ClaimArgs {
  readonly member: string;
  readonly count: number;
  readonly now: number;
  readonly until: number;
}

/** The lowest free ids; fewer than asked for when there are no more. */
export const claimKeyIds: RoomOperation<ClaimArgs, readonly number[]> = {
  name: 'fleet.claim-key-ids',
  *steps({ member, count, now, until }) {
    yield query(
      `INSERT INTO fleet (member, about, alive_until) VALUES ($1, NULL, $2)
       ON CONFLICT (member) DO UPDATE SET alive_until = excluded.alive_until`,
      member,
      until,
    );
    yield query('DELETE FROM fleet WHERE alive_until < $1', now);
    yield query('DELETE FROM fleet_key_ids WHERE member NOT IN (SELECT member FROM fleet)');
    const claimed: number[] = [];
    for (let id = 1; id <= MOST_KEY_ID && claimed.length < count; id += 1) {
      const got = yield query('INSERT INTO fleet_key_ids VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING key_id', id, member);
      if (got.length === 1) claimed.push(id);
    }
    return claimed;
  },
};

export const releaseKeyIds: RoomOperation<{ readonly member: string; readonly ids: readonly number[] }, null> = {
  name: 'fleet.release-key-ids',
  *steps({ member, ids }) {
    for (const id of ids) yield query('DELETE FROM fleet_key_ids WHERE key_id = $1 AND member = $2', id, member);
    return null;
  },
};

export const announceMember: RoomOperation<{ readonly member: string; readonly about: string; readonly until: number }, null> =
  {
    name: 'fleet.announce',
    *steps({ member, about, until }) {
      yield query(
        `INSERT INTO fleet VALUES ($1, $2, $3)
       ON CONFLICT (member) DO UPDATE SET about = excluded.about, alive_until = excluded.alive_until`,
        member,
        about,
        until,
      );
      return null;
    },
  };

export const leaveFleet: RoomOperation<string, null> = {
  name: 'fleet.leave',
  *steps(member) {
    yield query('DELETE FROM fleet WHERE member = $1', member);
    yield query('DELETE FROM fleet_key_ids WHERE member = $1', member);
    return null;
  },
};

export interface MemberRow extends JsonObject {
  readonly member: string;
  readonly about: string;
}

export function* liveMembers(now: number): Operation<readonly MemberRow[]> {
  const rows = yield query(
    'SELECT member, about FROM fleet WHERE alive_until >= $1 AND about IS NOT NULL ORDER BY member',
    now,
  );
  return rows as readonly MemberRow[];
}

export const FLEET: Room = { name: 'fleet', operations: [claimKeyIds, releaseKeyIds, announceMember, leaveFleet] };
