/**
 * TLS connections from Node whose far end must hold an attested key: SPKI pinning (RFC 7469 §2.4; ACI §3.1 and §8.2). The key is compared
 * after the handshake, which proves possession of it, and before the connection is handed to HTTP, so that a mismatch costs no byte of a request.
 * Sessions are never resumed: every connection shows its certificate again.
 *
 * Not checked here: who attested the key. Certificate authorities are checked as well, except where the caller relies on the pin alone.
 */

import { readDer } from '@assay/encoding/der';
import { sha256Hex } from '@assay/encoding/sha256';
import type { buildConnector } from 'undici';
import { ChannelError } from '../errors.ts';
import { fetchThrough } from './fetch-through.ts';
import type { TlsDialer } from './tls-dialer.ts';

export interface TlsDialerOptions {
  /** PEM of the authorities to trust instead of the system's. */
  readonly authorities?: string;
  /** Milliseconds for one handshake; default: 10 000. */
  readonly handshakeMs?: number;
  /** Milliseconds without a byte before the headers and between two pieces of an answer; 300 000 by default. 0: the caller's signal alone ends it. */
  readonly silenceMs?: number;
}

/** What is used of Node's TLS socket; this package has no Node types. */
interface PresentedCertificate {
  getPeerX509Certificate?(): { readonly raw: Uint8Array } | undefined;
  destroy(): void;
}

const HANDSHAKE_MS = 10_000;
const SILENCE_MS = 300_000;
const MAX_POOLS = 64;
const SPKI_SHA256 = /^[0-9a-f]{64}$/;

/**
 * @example
 * const dialer = createTlsDialer();
 * const send = dialer.pinned(attestedFingerprint);
 * await send('https://enclave.example/v1/models'); // ChannelError channel/tls-key-mismatch from anybody else
 */
export function createTlsDialer(options: TlsDialerOptions = {}): TlsDialer {
  const { authorities, handshakeMs = HANDSHAKE_MS, silenceMs = SILENCE_MS } = options;
  const known = authorities === undefined ? {} : { ca: authorities };
  const common = { ...known, timeout: handshakeMs, maxCachedSessions: 0 };
  const silence = { headersTimeout: silenceMs, bodyTimeout: silenceMs };
  const pools = new Map<string, typeof globalThis.fetch>();
  return {
    open: fetchThrough(({ Agent }) => new Agent({ ...silence, connect: common })),
    unauthenticated: fetchThrough(({ Agent }) => new Agent({ ...silence, connect: { ...common, rejectUnauthorized: false } })),
    pinned(spkiSha256, trust = 'authorities-too') {
      if (!SPKI_SHA256.test(spkiSha256))
        throw new ChannelError('channel/key-invalid', 'expected the lower-case hex sha256 of a public key to pin');
      const name = `${trust} ${spkiSha256}`;
      const known = pools.get(name);
      if (known !== undefined) return known;
      const made = fetchThrough(({ Agent, buildConnector }) => {
        const connect = buildConnector({ ...common, rejectUnauthorized: trust !== 'pin-alone' });
        return new Agent({ ...silence, connect: pinning(connect, spkiSha256) });
      });
      if (pools.size >= MAX_POOLS) pools.delete(pools.keys().next().value ?? '');
      pools.set(name, made);
      return made;
    },
  };
}

/** Hands a connection on only when its certificate carries the pinned key. */
function pinning(connect: buildConnector.connector, wanted: string): buildConnector.connector {
  return (target, done) => {
    if (target.protocol !== 'https:') {
      done(mismatch(target.hostname, wanted, 'no TLS at all'), null);
      return;
    }
    connect(target, (...result) => {
      const [error, socket] = result;
      if (error !== null) return done(error, null);
      const presented = presentedKey(socket as PresentedCertificate);
      if (presented === wanted) return done(null, socket);
      (socket as PresentedCertificate).destroy();
      done(mismatch(target.hostname, wanted, presented ?? 'no readable certificate'), null);
    });
  };
}

/** SHA-256 of the key in the certificate as it was sent, byte for byte; `null` when there is none that can be read. */
function presentedKey(socket: PresentedCertificate): string | null {
  const certificate = socket.getPeerX509Certificate?.();
  if (certificate === undefined) return null;
  try {
    const [toBeSigned] = readDer(new Uint8Array(certificate.raw)).children();
    const fields = toBeSigned?.children() ?? [];
    // version [0], serial, algorithm, issuer, validity, subject, key (RFC 5280 §4.1); version 1 leaves the first out
    const spki = fields[fields[0]?.tag === 0xa0 ? 6 : 5];
    return spki === undefined ? null : sha256Hex(spki.raw);
  } catch {
    return null;
  }
}

function mismatch(host: string, expected: string, actual: string): ChannelError {
  return new ChannelError(
    'channel/tls-key-mismatch',
    `expected ${host} to hold the attested TLS key ${expected}, got ${actual}; nothing was sent, verify it again`,
  );
}
