/**
 * A `fetch` for addresses that somebody else chose, such as an assistant: it connects to public addresses only, and to the very address that was
 * checked, so that a name cannot lead elsewhere between check and connection (DNS rebinding). Redirects are not followed: each would be
 * another address that somebody else chose.
 *
 * Not checked here: who answers.
 */

import { addressKind, parseIpAddress } from '@assay/encoding/ip-address';
import type { buildConnector } from 'undici';
import { ChannelError } from '../errors.ts';
import { fetchThrough } from './fetch-through.ts';

interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

export interface PublicFetchOptions {
  /** All addresses of a name; `dns.promises.lookup` of Node with `all`. */
  readonly resolve: (hostname: string) => Promise<readonly ResolvedAddress[]>;
  /** Milliseconds for one connection; 10 000 by default. */
  readonly connectMs?: number;
}

const CONNECT_MS = 10_000;

/**
 * @throws the `fetch` it returns, with {ChannelError} `channel/address-refused` for private and special addresses, before anything is sent.
 * @example const send = createPublicFetch({ resolve: (name) => lookup(name, { all: true }) });
 */
export function createPublicFetch({ resolve, connectMs = CONNECT_MS }: PublicFetchOptions): typeof globalThis.fetch {
  type Found = (error: Error | null, address?: string | ResolvedAddress[], family?: number) => void;
  const lookup = (hostname: string, options: { readonly all?: boolean }, done: Found): void => {
    resolve(hostname).then(
      (all) => {
        const open = all.filter(({ address }) => addressKind(address) === 'public');
        const [first] = open;
        if (first === undefined) done(refused(hostname));
        else if (options.all === true) done(null, open);
        else done(null, first.address, first.family);
      },
      (error: Error) => done(error),
    );
  };
  const send = fetchThrough(({ Agent, buildConnector }) => {
    const connect = buildConnector({ lookup, timeout: connectMs } as unknown as buildConnector.BuildOptions);
    const guarded: buildConnector.connector = (target, done) => {
      const host = target.hostname.replace(/^\[|\]$/g, '');
      // A literal is never looked up.
      if (parseIpAddress(host) !== null && addressKind(host) !== 'public') done(refused(host), null);
      else connect(target, done);
    };
    return new Agent({ connect: guarded });
  });
  return (input, init) => send(input, { ...init, redirect: init?.redirect === 'manual' ? 'manual' : 'error' });
}

function refused(host: string): ChannelError {
  return new ChannelError(
    'channel/address-refused',
    `expected ${host} to have a public address, got private or special ones only; name an agent there when this server is started`,
  );
}
