/** The fleet over a shared store. */

import { randomBytes } from 'node:crypto';
import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json, parseJson } from '@assay/encoding/json';
import type { Clock } from '../clock.ts';
import { LedgerError } from '../errors.ts';
import type { LogStore } from '../store.ts';
import { announceMember, claimKeyIds, leaveFleet, liveMembers, type MemberRow, releaseKeyIds } from './operations.ts';
import type { Fleet, FleetMember, KeyHolderAgent } from './port.ts';

/** How long an agent that says nothing counts as alive, milliseconds. */
const ALIVE_MS = 30_000;
const BEAT_MS = 10_000;

type FleetStore = Pick<LogStore, 'change' | 'dataKey' | 'read'>;
type About = Omit<FleetMember, 'member'>;

/** What is sealed. */
interface Said extends About {
  /** Epoch milliseconds; afterwards it is the word of an earlier time. */
  readonly until: number;
}

export class StoreFleet implements Fleet {
  readonly member: string = randomBytes(16).toString('hex');
  readonly #store: FleetStore;
  readonly #clock: Clock;
  #about: About | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(store: FleetStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async claimKeyIds(count: number): Promise<readonly number[]> {
    const now = this.#clock.now();
    const ids = await this.#store.change(claimKeyIds, { member: this.member, count, now, until: now + ALIVE_MS });
    if (ids.length === count) return ids;
    await this.releaseKeyIds(ids);
    throw new LedgerError(
      'ledger/key-ids-spent',
      `expected ${count} ids for channel keys, got ${ids.length}: the agents on this store use all 254; stop some, or end old keysets`,
    );
  }

  async releaseKeyIds(ids: readonly number[]): Promise<void> {
    if (ids.length > 0) await this.#store.change(releaseKeyIds, { member: this.member, ids });
  }

  async announce(about: About): Promise<void> {
    this.#about = about;
    this.#timer ??= setInterval(() => void this.#beat().catch(() => undefined), BEAT_MS).unref();
    await this.#beat();
  }

  async holderOf(keyId: number): Promise<KeyHolderAgent | null> {
    const now = this.#clock.now();
    for (const { member, address, keysets } of await this.members()) {
      const keyset = keysets.find(({ keyIds, notAfter }) => now < notAfter * 1000 && keyIds.includes(keyId));
      if (member !== this.member && address !== null && keyset !== undefined) return { member, address, keyset: keyset.digest };
    }
    return null;
  }

  async members(): Promise<readonly FleetMember[]> {
    const now = this.#clock.now();
    return (await this.#store.read(liveMembers(now))).flatMap((row): FleetMember[] => {
      const { until, ...about } = this.#open(row);
      return until >= now ? [{ member: row.member, ...about }] : [];
    });
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#about !== null) await this.#store.change(leaveFleet, this.member).catch(() => undefined);
  }

  async #beat(): Promise<void> {
    const until = this.#clock.now() + ALIVE_MS;
    const said = { ...this.#about, until };
    const sealed = this.#store.dataKey.seal(placeOf(this.member), utf8(canonicalJson(said as unknown as Json)));
    await this.#store.change(announceMember, { member: this.member, about: encodeBase64(sealed), until });
  }

  #open({ member, about }: MemberRow): Said {
    return parseJson(decodeUtf8(this.#store.dataKey.open(placeOf(member), decodeBase64(about)))) as unknown as Said;
  }
}

function placeOf(member: string): string {
  return JSON.stringify(['fleet', member]);
}
