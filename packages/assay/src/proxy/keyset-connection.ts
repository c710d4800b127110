/**
 * Connections to an `aci/1` service that must show a TLS key of its attested keyset (ACI §9.1, check 6). The keyset is fetched and verified first,
 * from the party that answers and without the API key: the evidence proves itself. Services that list no TLS key are reached under ordinary authorities;
 * the sealed channel does not depend on either.
 */

import { ChannelError, type TlsDialer } from '@assay/channel';
import { verifyAgent } from '../connection/attestation.ts';
import type { ConnectOptions } from '../connection/connect.ts';

export interface KeysetConnection {
  readonly fetch: typeof globalThis.fetch;
  /** Hex SHA-256 of the TLS key that connections show now; `null` when the keyset lists none. */
  readonly pin: () => string | null;
}

/** @throws {ClientError} when the service is not authentic or not wanted; nothing but a nonce was sent then. */
export async function keysetConnection(url: URL, options: ConnectOptions, dialer: TlsDialer): Promise<KeysetConnection> {
  const listed = async (): Promise<readonly string[]> => {
    const { keyset } = await verifyAgent(url, { ...options, fetch: dialer.unauthenticated });
    const here = keyset.tls_public_keys.filter(({ domain }) => domain === undefined || domain === url.hostname);
    return here.map(({ spki_sha256 }) => spki_sha256);
  };
  let keys = await listed();
  let pin = keys[0] ?? null;
  /** The first listed key that the service shows; a mismatch costs no byte, so the next one may be tried. */
  const send = async (...request: Parameters<typeof globalThis.fetch>): Promise<Response> => {
    if (keys.length === 0) return dialer.open(...request);
    let mismatch: unknown;
    for (const key of keys) {
      try {
        const answer = await dialer.pinned(key, 'pin-alone')(...request);
        pin = key;
        return answer;
      } catch (error) {
        if (!ChannelError.is(error) || error.code !== 'channel/tls-key-mismatch') throw error;
        mismatch = error;
      }
    }
    throw mismatch;
  };
  return {
    pin: () => pin,
    async fetch(...request) {
      try {
        return await send(...request);
      } catch (error) {
        if (!ChannelError.is(error) || error.code !== 'channel/tls-key-mismatch') throw error;
        const before = keys.join();
        keys = await listed(); // a renewed keyset, or an intruder, who cannot attest his own
        if (keys.join() === before) throw error;
        return send(...request);
      }
    },
  };
}
