/**
 * The port to TLS connections whose far end is known by its key (SPKI pinning, RFC 7469 §2.4, as ACI §8.2 records it). Browsers
 * show no certificate to a page, so there is no such dialer in them; Node's is `@assay/channel/tls`.
 */

export interface TlsDialer {
  /** Connections under ordinary certificate authorities, for first contact: nothing confidential goes over them but keys of the service. */
  readonly open: typeof globalThis.fetch;
  /** Connections to the party that answers. Only for what proves itself, such as evidence for a fresh nonce; never with a key or a prompt. */
  readonly unauthenticated: typeof globalThis.fetch;
  /**
   * A fetch whose every connection must present exactly this key, before a byte of a request is written.
   * @param spkiSha256 64 lower-case hex digits: SHA-256 of the DER SubjectPublicKeyInfo.
   * @param trust `pin-alone` for services that sign their certificate themselves: then the pin is the whole proof. Otherwise
   * certificate authorities must agree as well.
   */
  pinned(spkiSha256: string, trust?: PinTrust): typeof globalThis.fetch;
}

export type PinTrust = 'authorities-too' | 'pin-alone';
