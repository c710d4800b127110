/**
 * AMD certificates: the VCEK of a chip at a TCB, the product's ASK, ARK and ASVK, and its revocation list, from AMD's key
 * distribution service. Source: AMD VCEK Certificate and KDS Interface Specification 57230 §4.
 */

import { AttestationError } from '../errors.ts';
import { collectEndorsements } from '../evidence/endorsement-files.ts';
import { vcekPaths } from '../evidence/snp/kds.ts';
import type { SnpReport } from '../evidence/snp/report.ts';
import type { Endorsements } from '../model/endorsements.ts';
import { DAY, download } from './download.ts';
import { inOrder } from './in-order.ts';
import { type EndorsementSource, servicesOf } from './source.ts';

const PRODUCTS = ['Milan', 'Genoa', 'Turin'] as const;
const MAX_BYTES = 256 * 1024;

/**
 * What a report needs. A VLEK comes from its cloud provider and is not fetched; its issuers and the revocation list are.
 * @throws {AttestationError} the `endorsements/…` codes of download.ts; `endorsements/not-found` when no candidate VCEK exists.
 * @example await fetchAmdCertificates(report, { fetch, now: Date.now() });
 */
export async function fetchAmdCertificates(report: SnpReport, source: EndorsementSource): Promise<Endorsements> {
  const vcek = await firstVcek(vcekPaths(report), source);
  const products = vcek === null ? PRODUCTS : [vcek.product];
  const line = report.signingKey === 'vlek' ? 'vlek' : 'vcek';
  const shared = await inOrder(products.map((product) => fetchProduct(line, product, source)));
  return [...(vcek?.found ?? []), ...shared.flat()];
}

async function firstVcek(paths: readonly string[], source: EndorsementSource) {
  let missing: unknown = null;
  for (const path of paths) {
    try {
      const found = await get('vcek', path, 365 * DAY, source);
      return { found, product: path.split('/')[3] ?? 'Milan' };
    } catch (error) {
      if (!AttestationError.is(error) || error.code !== 'endorsements/not-found') throw error;
      missing = error;
    }
  }
  if (missing !== null) throw missing;
  return null;
}

async function fetchProduct(line: 'vcek' | 'vlek', product: string, source: EndorsementSource): Promise<Endorsements> {
  const parts = await inOrder([
    get('certificate chain', `/${line}/v1/${product}/cert_chain`, 30 * DAY, source),
    get('crl', `/${line}/v1/${product}/crl`, DAY, source),
  ]);
  return parts.flat();
}

async function get(what: string, path: string, freshSeconds: number, source: EndorsementSource): Promise<Endorsements> {
  const url = `${servicesOf(source).amd}${path}`;
  const { bytes } = await download(
    { what, url, maxBytes: MAX_BYTES, freshSeconds, staleSeconds: freshSeconds + 30 * DAY },
    source,
  );
  return collectEndorsements([{ name: what, bytes }]);
}
