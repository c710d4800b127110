/**
 * Where the tools may go. Addresses are the assistant's choice, and an assistant does what some page told it: so it reaches public addresses
 * only, and the key of this server goes to the one agent that its operator named, wherever that is.
 */

import { lookup } from 'node:dns/promises';
import { createPublicFetch } from '@assay/channel/public-fetch';
import type { Io } from '../command-line/io.ts';
import type { ConnectOptions } from '../index.ts';

export interface Reach {
  /** Carries requests to `url`: without bounds to the named agent, to public addresses otherwise. */
  readonly fetchFor: (url: URL) => typeof globalThis.fetch;
  /** What `connect` needs for `url`; the key is part of it for the named agent alone. */
  readonly optionsFor: (url: URL) => Pick<ConnectOptions, 'fetch' | 'apiKey'>;
}

export interface ReachSettings {
  /** The agent that the operator named; `null` for none. */
  readonly agent: URL | null;
  /** Its key. */
  readonly apiKey: string | null;
}

/** A redirect may be looked at, and is never followed. */
function unfollowed(init: RequestInit | undefined): 'error' | 'manual' {
  return init?.redirect === 'manual' ? 'manual' : 'error';
}

/** @example const agent = await connect('https://agent.example', createReach(io, settings).optionsFor(new URL('https://agent.example'))); */
export function createReach(io: Io, { agent, apiKey }: ReachSettings): Reach {
  const open = createPublicFetch({ resolve: (name) => lookup(name, { all: true }) });
  const named: typeof globalThis.fetch = (input, init) => io.fetch(input, { ...init, redirect: unfollowed(init) });
  const isNamed = (url: URL): boolean => agent !== null && url.origin === agent.origin;
  const fetchFor = (url: URL): typeof globalThis.fetch => (isNamed(url) ? named : open);
  return {
    fetchFor,
    optionsFor: (url) => ({
      fetch: fetchFor(url),
      ...(apiKey === null || !isNamed(url) ? {} : { apiKey }),
    }),
  };
}
