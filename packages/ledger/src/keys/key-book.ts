/**
 * The keys of a store. They are rows of the ledger's state, and each change of them is a receipt that names their generation and a hash over all of
 * them (`state.written`), as the operator's state is: a row that is missing, old or of another origin is found, and then no key is good
 * (`ledger/rolled-back`, `ledger/corrupt`). What this process knows of them is at most a second old.
 *
 * Use is counted in rows of its own, and in memory: counts never go below what this process, or an earlier one of the directory, has seen.
 */

import { createHash, randomBytes } from 'node:crypto';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import type { Clock } from '../clock.ts';
import { LedgerError } from '../errors.ts';
import type { StateChange, StateRow } from '../port.ts';
import { GENERATION_KEY, StateHash } from '../state-hash.ts';
import { newestWrittenState } from '../state-rows.ts';
import type { LogStore } from '../store.ts';
import { KeyFloor } from './key-floor.ts';
import { addCosts, admitCost, usageSince } from './operations.ts';
import type { ApiKey, ApiKeys, DayUsage, KeyScope, NewKey, Usage, UsageCount } from './port.ts';

/** The collection of the ledger's state that holds the keys, by the hash of each. */
export const KEY_COLLECTION = 'api-keys';
/** Keys of one store, revoked ones included. */
export const MOST_KEYS = 10_000;
const KNOWN_FOR_MS = 1_000;
const WRITE_EVERY_MS = 500;
const DAY_MS = 86_400_000;
/** How often a change is tried again because another agent made one at the same time. */
const MOST_TRIES = 20;
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const DEFAULT_SCOPES: readonly KeyScope[] = ['read', 'work', 'infer'];
const NOTHING: Usage = { requests: 0, tasks: 0, tokens: 0, bytes: 0 };

type KeyStore = Pick<LogStore, 'change' | 'directory' | 'read' | 'size' | 'state' | 'states'>;

/** Seals a receipt with this event and commits the changes with it. Rejects with `ledger/conflict` when a row is at another version. */
export type LogKeys = (event: { readonly type: string } & JsonObject, changes: readonly StateChange[]) => Promise<void>;

interface KnownKey {
  readonly key: ApiKey;
  /** The generation that added it. */
  readonly added: number;
}

interface Known {
  readonly generation: number;
  readonly rows: readonly StateRow[];
  readonly byAccess: ReadonlyMap<string, KnownKey>;
}

export class KeyBook implements ApiKeys {
  readonly #store: KeyStore;
  readonly #clock: Clock;
  readonly #log: LogKeys;
  readonly #floor: KeyFloor;
  #known: Promise<Known> | null = null;
  /** By the machine's steady clock: clients' keys do not live longer when its time jumps. */
  #knownAt = 0;
  #looked: Promise<void> | null = null;
  #changing: Promise<unknown> = Promise.resolve();
  /** Costs that are not written yet, by key and day. */
  #unwritten = new Map<string, { readonly access: string; readonly day: string; cost: Usage }>();
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;

  constructor(store: KeyStore, clock: Clock, log: LogKeys) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#floor = new KeyFloor(store.directory, () => this.#today());
  }

  async add({ name, scopes = DEFAULT_SCOPES, quotas = {} }: NewKey): Promise<{ readonly key: string; readonly added: ApiKey }> {
    if (!NAME.test(name))
      throw new LedgerError(
        'key/bad-name',
        `expected a name of 1 to 64 lower-case letters, digits, ".", "_" and "-", got ${JSON.stringify(name.slice(0, 80))}; rename it`,
      );
    const key = `assay_${randomBytes(32).toString('base64url')}`;
    const access = createHash('sha256').update(key).digest('hex');
    const createdAt = this.#clock.now();
    const added = await this.#change(({ byAccess }) => {
      if (byAccess.size >= MOST_KEYS)
        throw new LedgerError(
          'key/too-many',
          `expected at most ${MOST_KEYS} keys, revoked ones included, got one more; start a store of its own for others`,
        );
      if (named(byAccess, name) !== undefined)
        throw new LedgerError('key/name-taken', `expected a name that no key has had, got ${name}; choose another`);
      return { name, access, scopes: [...new Set(scopes)], quotas: { ...quotas }, createdAt, revokedAt: null };
    });
    return { key, added };
  }

  revoke(name: string): Promise<ApiKey> {
    const revokedAt = this.#clock.now();
    return this.#change(({ byAccess }) => {
      const found = named(byAccess, name);
      if (found === undefined)
        throw new LedgerError(
          'key/unknown',
          `expected the name of a key, got ${JSON.stringify(name.slice(0, 80))}; GET /api/operator/keys shows them`,
        );
      return found.key.revokedAt === null ? { ...found.key, revokedAt } : found.key;
    });
  }

  async list(): Promise<readonly ApiKey[]> {
    const { byAccess } = await this.#read();
    return [...byAccess.values()].sort((a, b) => b.added - a.added).map(({ key }) => key);
  }

  async find(access: string): Promise<ApiKey | null> {
    const key = (await this.#all()).byAccess.get(access)?.key;
    return key === undefined || key.revokedAt !== null ? null : key;
  }

  async any(): Promise<boolean> {
    return (await this.#all()).byAccess.size > 0;
  }

  async admit(
    { access, name, quotas }: Pick<ApiKey, 'access' | 'name' | 'quotas'>,
    cost: Partial<Usage>,
    uses: readonly UsageCount[] = [],
  ): Promise<void> {
    if (Object.keys(quotas).length === 0) return this.spend(access, cost);
    await this.#write(); // what was spent before counts
    const day = this.#today();
    const floor = this.#floor.open().used(day, access) ?? NOTHING;
    const args = { access, day, cost: { ...NOTHING, ...cost }, quotas, uses, floor };
    const { spent, used } = await this.#store.change(admitCost, args);
    this.#floor.open().saw(day, access, used);
    if (spent !== null)
      throw new LedgerError(
        'key/quota-spent',
        `the key ${name} has used its ${spent} of today (${quotas[spent]}); wait for the next day (UTC), or ask the operator for more`,
        { details: { retryAfterSeconds: Math.ceil((DAY_MS - (this.#clock.now() % DAY_MS)) / 1000) } },
      );
  }

  spend(access: string, cost: Partial<Usage>): void {
    const day = this.#today();
    const name = `${day} ${access}`;
    const { cost: before } = this.#unwritten.get(name) ?? { cost: NOTHING };
    const sum: Usage = {
      requests: before.requests + (cost.requests ?? 0),
      tasks: before.tasks + (cost.tasks ?? 0),
      tokens: before.tokens + (cost.tokens ?? 0),
      bytes: before.bytes + (cost.bytes ?? 0),
    };
    this.#unwritten.set(name, { access, day, cost: sum });
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#write().catch(() => undefined); // kept, and written with what follows
    }, WRITE_EVERY_MS).unref();
  }

  async usage({ days, access }: { readonly days: number; readonly access?: string | undefined }): Promise<readonly DayUsage[]> {
    await this.#write();
    const first = dayOf(this.#clock.now() - (Math.max(1, Math.floor(days)) - 1) * DAY_MS);
    const rows = await this.#store.read(usageSince(first, access ?? null));
    return rows.map(({ access: of, day, requests, tasks, tokens, bytes }) => ({
      access: of,
      day,
      requests,
      tasks,
      tokens,
      bytes,
    }));
  }

  /** Writes what was spent. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#write().catch(() => undefined);
    this.#floor.close();
  }

  /** One write at a time; when one fails, its costs are kept. */
  #write(): Promise<void> {
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(async () => {
        if (this.#unwritten.size === 0) return;
        const costs = [...this.#unwritten.values()];
        this.#unwritten = new Map();
        try {
          const floored = costs.map((each) => ({ ...each, floor: this.#floor.open().used(each.day, each.access) ?? NOTHING }));
          const used = await this.#store.change(addCosts, floored);
          for (const [i, { day, access }] of costs.entries()) this.#floor.open().saw(day, access, used[i] ?? NOTHING);
        } catch (cause) {
          for (const { access, cost } of costs) this.spend(access, cost);
          throw cause;
        }
      });
    return this.#writing;
  }

  /** One change at a time; when another agent made one meanwhile, it is made again from what is there. */
  #change(make: (known: Known) => ApiKey): Promise<ApiKey> {
    const work = this.#changing.catch(() => undefined).then(() => this.#tryChange(make));
    this.#changing = work;
    return work;
  }

  async #tryChange(make: (known: Known) => ApiKey): Promise<ApiKey> {
    for (let tries = 1; ; tries += 1) {
      const known = await this.#read();
      const key = make(known);
      const before = known.byAccess.get(key.access);
      if (before?.key === key) return key;
      const generation = known.generation + 1;
      const version = known.rows.find((row) => row.key === key.access)?.version ?? 0;
      const value = utf8(canonicalJson({ ...key, added: before?.added ?? generation } as unknown as Json));
      const hash = new StateHash(known.rows);
      hash.set({ key: key.access, version: version + 1, value });
      const row = (name: string, expectedVersion: number, bytes: Uint8Array): StateChange => ({
        collection: KEY_COLLECTION,
        key: name,
        expectedVersion,
        value: bytes,
      });
      const changes = [row(key.access, version, value), row(GENERATION_KEY, known.generation, utf8(hash.text))];
      try {
        await this.#log({ type: 'state.written', collection: KEY_COLLECTION, generation, state_hash: hash.text }, changes);
        this.#floor.open().reached(generation);
        return key;
      } catch (cause) {
        if (!LedgerError.is(cause) || cause.code !== 'ledger/conflict' || tries === MOST_TRIES) throw cause;
      } finally {
        this.#known = null;
      }
    }
  }

  /** Every key, as read at most {@link KNOWN_FOR_MS} ago: a revoked key ends everywhere within that time, and wrong keys cost no query each. */
  #all(): Promise<Known> {
    if (this.#known !== null && performance.now() - this.#knownAt < KNOWN_FOR_MS) return this.#known;
    this.#knownAt = performance.now();
    const reading = this.#unchanged(this.#known);
    this.#known = reading;
    reading.catch(() => {
      if (this.#known === reading) this.#known = null;
    });
    return reading;
  }

  /** What is known, unless the generation moved. */
  async #unchanged(before: Promise<Known> | null): Promise<Known> {
    const known = await (before ?? Promise.resolve(null)).catch(() => null);
    const row = known === null ? null : await this.#store.state(KEY_COLLECTION, GENERATION_KEY);
    return known !== null && (row?.version ?? 0) === known.generation ? known : this.#read();
  }

  async #read(): Promise<Known> {
    this.#looked ??= this.#lookAtLog();
    await this.#looked;
    const least = this.#floor.open().generation;
    const found = await this.#store.states(KEY_COLLECTION);
    const rows = found.filter(({ key }) => key !== GENERATION_KEY);
    const head = found.find(({ key }) => key === GENERATION_KEY);
    const generation = head?.version ?? 0;
    if (generation < least)
      throw new LedgerError(
        'ledger/rolled-back',
        `the API keys in the store are of generation ${generation}, but ${least} was logged; restore the newest data, keys that were revoked must not come back`,
      );
    const wanted = head === undefined ? new StateHash().text : decodeUtf8(head.value);
    if (new StateHash(rows).text !== wanted)
      throw new LedgerError(
        'ledger/corrupt',
        `the API keys in the store are not those of generation ${generation}: a row is missing, old or extra; restore the database from a backup`,
      );
    this.#floor.open().reached(generation);
    return { generation, rows, byAccess: new Map(rows.map((row) => [row.key, knownKey(row)])) };
  }

  /** What other agents of the store logged while no process of this directory was there. */
  async #lookAtLog(): Promise<void> {
    try {
      const size = await this.#store.size();
      const written = await this.#store.read(newestWrittenState(KEY_COLLECTION, this.#floor.open().size));
      this.#floor.open().reached(written?.generation ?? 0);
      this.#floor.open().looked(size);
    } catch (cause) {
      this.#looked = null;
      throw cause;
    }
  }

  #today(): string {
    return dayOf(this.#clock.now());
  }
}

function knownKey({ value }: StateRow): KnownKey {
  const { added, ...key } = parseJson(decodeUtf8(value)) as unknown as ApiKey & { readonly added: number };
  return { key, added };
}

function named(keys: ReadonlyMap<string, KnownKey>, name: string): KnownKey | undefined {
  return [...keys.values()].find(({ key }) => key.name === name);
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
