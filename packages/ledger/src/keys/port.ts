/**
 * API keys by name, what each may do, how much of it a day, and what it used. A key is known by its SHA-256 alone, which is also what its
 * receipts and tasks are kept under ({@link DraftOptions.access}); the key itself is told once, to who adds it.
 */

/** What a key may do: read its own work, start work, ask the model, sign transactions, look after the agent. */
export const KEY_SCOPES = ['read', 'work', 'infer', 'sign', 'operate'] as const;
export type KeyScope = (typeof KEY_SCOPES)[number];

/** What is counted, each by UTC day. `bytes`: of requests and answers. */
export const USAGE_COUNTS = ['requests', 'tasks', 'tokens', 'bytes'] as const;
export type UsageCount = (typeof USAGE_COUNTS)[number];
export type Usage = Readonly<Record<UsageCount, number>>;

/** The most of each in one UTC day; what is left out has no limit. */
export type KeyQuotas = { readonly [Count in UsageCount]?: number | undefined };

export interface NewKey {
  /** 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit; taken for good, also by a revoked key. */
  readonly name: string;
  /** `read`, `work` and `infer` unless given. */
  readonly scopes?: readonly KeyScope[] | undefined;
  readonly quotas?: KeyQuotas | undefined;
}

export interface ApiKey {
  readonly name: string;
  /** Hex SHA-256 of the key. */
  readonly access: string;
  readonly scopes: readonly KeyScope[];
  readonly quotas: KeyQuotas;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Epoch milliseconds; `null` while it is good. */
  readonly revokedAt: number | null;
}

export interface DayUsage extends Usage {
  readonly access: string;
  /** `2026-11-29`, UTC. */
  readonly day: string;
}

export interface ApiKeys {
  /**
   * Makes a key; resolves when it is durable. Other agents on the same store take it within a second.
   * @throws {LedgerError} `key/bad-name`, `key/name-taken`, `key/too-many`.
   * @example const { key } = await ledger.keys.add({ name: 'team-a', quotas: { tasks: 100 } })
   */
  add(key: NewKey): Promise<{ readonly key: string; readonly added: ApiKey }>;
  /**
   * Ends a key at once here, within a second on other agents. What it made stays sealed and logged.
   * @throws {LedgerError} `key/unknown`.
   */
  revoke(name: string): Promise<ApiKey>;
  /** Newest first, revoked ones too. */
  list(): Promise<readonly ApiKey[]>;
  /** The key with this hash; `null` when there is none, or it is revoked. At most a second old. */
  find(access: string): Promise<ApiKey | null>;
  /** Whether a key was ever added. */
  any(): Promise<boolean>;
  /**
   * Counts what a request costs, unless a quota of the key does not hold it, or holds nothing more of what the request `uses` as well, in an
   * amount that is known only afterwards: then nothing is counted.
   * @throws {LedgerError} `key/quota-spent`, with `retryAfterSeconds`.
   */
  admit(key: Pick<ApiKey, 'access' | 'name' | 'quotas'>, cost: Partial<Usage>, uses?: readonly UsageCount[]): Promise<void>;
  /** Counts what is known only afterwards; written within a second. */
  spend(access: string, cost: Partial<Usage>): void;
  /** What was used in the last `days` UTC days, today included, newest first; of one key when `access` is given. */
  usage(options: { readonly days: number; readonly access?: string | undefined }): Promise<readonly DayUsage[]>;
}
