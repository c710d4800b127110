/**
 * Parsed certificates, remembered by their exact bytes: reading one costs a tenth of checking a signature, and the same few come
 * with every piece of evidence. Nothing about trust is remembered.
 */

import { BytesCache } from './bytes-cache.ts';
import { type Certificate, parseCertificate } from './x509.ts';

const CAPACITY = 256; // certificates

const known = /* @__PURE__ */ new BytesCache<Certificate>(CAPACITY);

/**
 * {@link parseCertificate}, once for the same bytes. The result views a copy, so later changes to `der` change nothing.
 * @throws {AttestationError} `certificate/malformed`, `certificate/unsupported-algorithm`.
 */
export function rememberedCertificate(der: Uint8Array): Certificate {
  const found = known.get(der);
  if (found !== undefined) return found;
  const certificate = parseCertificate(der.slice());
  known.set(der, certificate);
  return certificate;
}
