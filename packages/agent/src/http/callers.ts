/** Who calls: the API key of a request, and what it may do. The key of the settings is the first one and may do everything; others come from the store. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { type ApiKey, type ApiKeys, KEY_SCOPES } from '@assay/ledger';
import type { Route } from './route.ts';

/** A key that was presented and is good. `access`: the hex SHA-256 that its work is kept under. */
export type Caller = Pick<ApiKey, 'access' | 'name' | 'scopes' | 'quotas'>;

/** The name of the key of the settings; no other key can have it. */
export const FIRST_KEY = 'ASSAY_API_KEY';

export class Callers {
  readonly #first: Caller | null;
  readonly #keys: Pick<ApiKeys, 'any' | 'find'>;

  constructor({ apiKey, keys }: { readonly apiKey: string | null; readonly keys: Pick<ApiKeys, 'any' | 'find'> }) {
    this.#keys = keys;
    this.#first = apiKey === null ? null : { access: accessOf(apiKey), name: FIRST_KEY, scopes: KEY_SCOPES, quotas: {} };
  }

  /** The key of the settings; `null` without one. */
  get first(): Caller | null {
    return this.#first;
  }

  /** Whether work needs a key: one is set, or was ever added. Revoking the last one opens nothing. */
  async needed(): Promise<boolean> {
    return this.#first !== null || this.#keys.any();
  }

  /** Who presents this key; `null` for one that is not good. */
  async find(key: string): Promise<Caller | null> {
    const access = accessOf(key);
    // Compared as hashes: how long it takes tells nothing about a key.
    if (this.#first !== null && timingSafeEqual(Buffer.from(access), Buffer.from(this.#first.access))) return this.#first;
    return this.#keys.find(access);
  }
}

/** Whether a key may call a route. */
export function mayCall({ scopes }: Caller, route: Pick<Route, 'method' | 'scope'>): boolean {
  return scopes.includes(scopeOf(route));
}

/** What a route wants of a key. */
export function scopeOf({ method, scope }: Pick<Route, 'method' | 'scope'>): (typeof KEY_SCOPES)[number] {
  return scope ?? (method === 'get' ? 'read' : 'work');
}

function accessOf(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}
