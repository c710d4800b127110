/**
 * The port to TLS connections whose far end is known by its key (SPKI pinning, RFC 7469 §2.4, as ACI §8.2 records it). Browsers
 * show no certificate to a page, so there is no such dialer in them; Node's is `@assay/channel/tls`.
 */

export interface TlsDialer {
  /** Connections under ordinary certificate authorities, for first contact: nothing confidential goes over them. */
  readonly open: typeof globalThis.fetch;
  /**
   * A fetch whose every connection must present exactly this key, before a byte of a request is written.
   * @param spkiSha256 64 lower-case hex digits: SHA-256 of the DER SubjectPublicKeyInfo.
   */
  pinned(spkiSha256: string): typeof globalThis.fetch;
}
