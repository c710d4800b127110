/** Certificates put in order by the names they carry (RFC 5280 §6.1 wants them so). Not checked here: signatures, dates, roots (path.ts). */

import { equalBytes } from '@assay/encoding/bytes';
import type { Certificate } from './x509.ts';

/** Certificates; the longest genuine chain has 6. */
export const MAX_CHAIN = 10;

/**
 * The leaf and, link by link, the certificates that name themselves as issuers. Whether they are is for `verifyPath`.
 * @example chainFrom(leaf, others) // [leaf, intermediate, root]
 */
export function chainFrom(leaf: Certificate, others: readonly Certificate[]): readonly Certificate[] {
  const chain = [leaf];
  for (let last: Certificate | undefined = leaf; last !== undefined && chain.length < MAX_CHAIN; ) {
    const { issuer, subject }: Certificate = last;
    const next: Certificate | undefined = equalBytes(issuer, subject)
      ? undefined
      : others.find((each) => equalBytes(each.subject, issuer));
    if (next !== undefined) chain.push(next);
    last = next;
  }
  return chain;
}
