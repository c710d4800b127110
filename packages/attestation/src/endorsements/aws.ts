/**
 * AWS Nitro revocation lists. Their addresses stand in the certificates of the evidence, that is, in bytes of a stranger: only AWS's
 * own buckets are asked, so that evidence cannot make a verifier call other hosts.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { type DerElement, readDer } from '@assay/encoding/der';
import { parseCertificate } from '../certificates/x509.ts';
import { collectEndorsements } from '../evidence/endorsement-files.ts';
import type { Endorsements } from '../model/endorsements.ts';
import { DAY, download } from './download.ts';
import { inOrder } from './in-order.ts';
import type { EndorsementSource } from './source.ts';

const DISTRIBUTION_POINTS = '2.5.29.31';
const URI_TAG = 0x86; // GeneralName uniformResourceIdentifier, RFC 5280 §4.2.1.6
const AWS_BUCKET =
  /^https?:\/\/(?:crl-[a-z0-9-]+-aws-nitro-enclaves|aws-nitro-enclaves-crl)\.s3(?:\.[a-z0-9-]+)?\.amazonaws\.com\/crl\/[A-Za-z0-9-]+\.crl$/;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_LISTS = 8;

/**
 * @param certificates DER, any order.
 * @example await fetchAwsRevocationLists(document.cabundle, { fetch, now: Date.now() });
 */
export async function fetchAwsRevocationLists(
  certificates: readonly Uint8Array[],
  source: EndorsementSource,
): Promise<Endorsements> {
  const urls = [...new Set(certificates.flatMap(revocationUrls))].slice(0, MAX_LISTS);
  const answers = await inOrder(
    urls.map((url) =>
      download({ what: 'crl', url, maxBytes: MAX_BYTES, freshSeconds: DAY / 2, staleSeconds: 7 * DAY }, source),
    ),
  );
  return answers.flatMap(({ bytes }) => collectEndorsements([{ name: 'crl', bytes }])).filter(({ kind }) => kind === 'crl');
}

/** Addresses of AWS's own lists in one certificate, over TLS. */
export function revocationUrls(certificate: Uint8Array): readonly string[] {
  const extension = parseCertificate(certificate).extensions.get(DISTRIBUTION_POINTS);
  if (extension === undefined) return [];
  return uris(readDer(extension.value))
    .filter((url) => AWS_BUCKET.test(url))
    .map((url) => url.replace(/^http:/, 'https:'));
}

function uris(element: DerElement): readonly string[] {
  if (element.tag === URI_TAG) return [decodeUtf8(element.content)];
  return element.constructed ? element.children().flatMap(uris) : [];
}
