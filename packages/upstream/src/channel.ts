/** How the way to a service is bound to its TEE, and whether that is as much as was asked for. */

import { type AttestedService, originOf } from './attested-service.ts';
import { UpstreamError } from './errors.ts';

/**
 * `any` binds the way to the TEE where the evidence allows it, and says where it does not. `bound` demands that it ends in the TEE: by a
 * pinned TLS key, or sealed. `sealed` demands that prompts are encrypted to a key of the TEE.
 */
export type ChannelDemand = 'any' | 'bound' | 'sealed';

export interface Channel {
  /** Hex SHA-256 of the TLS key (SPKI) that every connection must show; `null` when none is pinned. */
  readonly tlsKey: string | null;
  /** Hex key that prompts are encrypted to; `null` when they are not. */
  readonly sealedTo: { readonly algorithm: string; readonly publicKey: string } | null;
  /** Why no TLS key is pinned, for people; `null` when one is. */
  readonly unpinned: string | null;
}

/** A channel with the connections it is made of. */
export interface BoundChannel {
  readonly channel: Channel;
  readonly fetch: typeof globalThis.fetch;
}

/**
 * Pins the attested TLS key where the platform can see one.
 * @param attested keys that the accepted evidence binds.
 * @throws {UpstreamError} `service/channel-unbound` when that is less than the service's `channel` demands.
 */
export function bindChannel(service: AttestedService, attested: Pick<Channel, 'tlsKey' | 'sealedTo'>): BoundChannel {
  const { dialer, channel: demand } = service;
  const { tlsKey, sealedTo } = attested;
  const origin = originOf(service);
  let unpinned: string | null = null;
  if (tlsKey === null) unpinned = 'its report binds no TLS key';
  else if (!origin.startsWith('https:')) unpinned = 'its TLS key cannot be pinned, because its address is not https';
  else if (dialer === null) unpinned = 'its TLS key cannot be seen from here';
  const pin = unpinned === null ? tlsKey : null;
  const met = { any: true, bound: pin !== null || sealedTo !== null, sealed: sealedTo !== null }[demand];
  if (!met) {
    const lack = demand === 'sealed' ? 'its report shows no public key to encrypt prompts to' : unpinned;
    throw new UpstreamError(
      'service/channel-unbound',
      `expected a ${demand} channel to ${origin}, got another: ${lack}; no prompt was sent to it. Take another service, or ask for less`,
    );
  }
  const fetch = pin === null || dialer === null ? service.fetch : dialer.pinned(pin);
  return { channel: { tlsKey: pin, sealedTo, unpinned }, fetch };
}
