/**
 * Fetching endorsements: what it needs from outside. This folder is the only one that reaches the network, and it decides nothing:
 * everything fetched is authenticated by the verifiers. Clients and cache are handed in; nothing here reads a clock.
 */

/** A stored answer. */
export interface CachedAnswer {
  readonly bytes: Uint8Array;
  /** Response headers that carry issuer chains; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly fetchedAt: number;
}

/** Where answers are kept between calls. Keys are the URL (and a hash of the body for POST). Failures to store are the cache's own. */
export interface EndorsementCache {
  get(key: string): Promise<CachedAnswer | null>;
  put(key: string, answer: CachedAnswer): Promise<void>;
}

/** Base URLs without a trailing slash. */
export interface EndorsementServices {
  /** Intel PCS v4, or a PCCS: anything below which `/sgx/certification/v4/…` answers. */
  readonly intel: string;
  /** Intel's root CRL; a PCCS serves it at `/sgx/certification/v4/rootcacrl`. */
  readonly intelRootCrl: string;
  readonly amd: string;
  readonly nvidiaRim: string;
  readonly nvidiaOcsp: string;
}

export const VENDOR_SERVICES: EndorsementServices = {
  intel: 'https://api.trustedservices.intel.com',
  intelRootCrl: 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der',
  amd: 'https://kdsintf.amd.com',
  nvidiaRim: 'https://rim.attestation.nvidia.com',
  nvidiaOcsp: 'https://ocsp.ndis.nvidia.com',
};

export interface EndorsementSource {
  readonly fetch: typeof globalThis.fetch;
  /** Epoch milliseconds of the real clock: the age of cached answers is counted by it. */
  readonly now: number;
  readonly cache?: EndorsementCache;
  /** Serve from the cache or fail; never call `fetch`. */
  readonly offline?: boolean;
  readonly services?: Partial<EndorsementServices>;
  /** Milliseconds for one request; default: 10 000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export function servicesOf(source: EndorsementSource): EndorsementServices {
  const given = source.services ?? {};
  const intelRootCrl =
    given.intelRootCrl ??
    (given.intel === undefined ? VENDOR_SERVICES.intelRootCrl : `${given.intel}/sgx/certification/v4/rootcacrl`);
  return { ...VENDOR_SERVICES, ...given, intelRootCrl };
}
