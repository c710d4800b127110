/**
 * NVIDIA reference integrity manifests by id, and OCSP answers for device certificates. Only certificates' own serials are asked
 * for, so that the service learns which device was verified, and nothing else.
 */

import { type Certificate, parseCertificate } from '../certificates/x509.ts';
import { collectEndorsements } from '../evidence/endorsement-files.ts';
import type { Endorsements } from '../model/endorsements.ts';
import { DAY, download, HOUR } from './download.ts';
import { inOrder } from './in-order.ts';
import { ocspRequest } from './ocsp-request.ts';
import { type EndorsementSource, servicesOf } from './source.ts';

const MAX_RIM_BYTES = 4 * 1024 * 1024;
const MAX_OCSP_BYTES = 64 * 1024;
/** Ids as NVIDIA's service takes them; anything else never leaves. */
const RIM_ID = /^[A-Za-z0-9_.-]{1,160}$/;

/** @example await fetchRims(['NV_GPU_DRIVER_GH100_550.90.07'], { fetch, now: Date.now() }); */
export async function fetchRims(ids: readonly string[], source: EndorsementSource): Promise<Endorsements> {
  const base = servicesOf(source).nvidiaRim;
  const known = ids.filter((id) => RIM_ID.test(id));
  const answers = await inOrder(
    known.map((id) =>
      download(
        {
          what: `rim ${id}`,
          url: `${base}/v1/rim/${id}`,
          maxBytes: MAX_RIM_BYTES,
          freshSeconds: 7 * DAY,
          staleSeconds: 90 * DAY,
        },
        source,
      ),
    ),
  );
  return answers
    .flatMap(({ bytes }, index) => collectEndorsements([{ name: known[index] ?? null, bytes }]))
    .filter(({ kind }) => kind === 'rim');
}

/**
 * OCSP answers for every certificate of a chain that has its issuer beside it.
 * @param chain DER, leaf first.
 * @example const answers = await fetchOcsp([leaf, intermediate, root], source)
 */
export async function fetchOcsp(chain: readonly Uint8Array[], source: EndorsementSource): Promise<Endorsements> {
  const certificates = chain.map((der) => parseCertificate(der));
  const pairs = certificates.slice(0, -1).map((subject, index) => [subject, certificates[index + 1] as Certificate] as const);
  const answers = await inOrder(
    pairs.map(async ([subject, issuer]) => {
      const body = { bytes: await ocspRequest(subject, issuer), mediaType: 'application/ocsp-request' };
      const url = `${servicesOf(source).nvidiaOcsp}/`;
      return download(
        { what: 'ocsp answer', url, body, maxBytes: MAX_OCSP_BYTES, freshSeconds: HOUR, staleSeconds: DAY },
        source,
      );
    }),
  );
  return answers.flatMap(({ bytes }) => collectEndorsements([{ name: 'ocsp', bytes }])).filter(({ kind }) => kind === 'ocsp');
}
