/**
 * Who a dstack application says it is: the identity events of its event log. Only events before `system-ready` count, because the
 * application itself can extend RTMR3 afterwards; each counts once. The caller has bound the log to authentic evidence.
 */

import { encodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../../errors.ts';
import type { LogEvent } from '../../evidence/dstack/event-log.ts';

/** Events that tell identity, in the order a guest writes them. */
const IDENTITY_EVENTS = [
  'app-id',
  'compose-hash',
  'instance-id',
  'mr-kms',
  'os-image-hash',
  'key-provider',
  'storage-fs',
] as const;
export type IdentityEvent = (typeof IDENTITY_EVENTS)[number];

export interface DstackIdentity {
  readonly payloads: ReadonlyMap<IdentityEvent, Uint8Array>;
  /** The boot sequence was finished when the evidence was made. */
  readonly systemReady: boolean;
  /** Identity names that the application used again after `system-ready`; they may not be read. */
  readonly late: readonly string[];
  /** Other events after `system-ready`, the application's own, in order. */
  readonly application: readonly { readonly event: string; readonly payload: string }[];
}

/**
 * @throws {AttestationError} `dstack/identity-event-repeated`.
 */
export function identityOf(events: readonly LogEvent[]): DstackIdentity {
  const runtime = events.filter(({ imr }) => imr === 3);
  const ready = runtime.findIndex(({ name }) => name === 'system-ready');
  const boot = ready === -1 ? runtime : runtime.slice(0, ready);
  const after = ready === -1 ? [] : runtime.slice(ready + 1);
  const payloads = new Map<IdentityEvent, Uint8Array>();
  for (const { name, payload } of boot) {
    if (!isIdentity(name)) continue;
    if (payloads.has(name)) {
      throw new AttestationError(
        'dstack/identity-event-repeated',
        `expected one ${name} event before system-ready, got another; no dstack guest writes it twice`,
      );
    }
    payloads.set(name, payload);
  }
  return {
    payloads,
    systemReady: ready !== -1,
    late: after.map(({ name }) => name).filter(isIdentity),
    application: after
      .filter(({ name }) => !isIdentity(name))
      .map(({ name, payload }) => ({ event: name, payload: encodeHex(payload) })),
  };
}

function isIdentity(name: string): name is IdentityEvent {
  return (IDENTITY_EVENTS as readonly string[]).includes(name);
}
