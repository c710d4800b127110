/**
 * OCSP answers at hand for a verified path. Only a path all of whose certificates are found good passes. Revoked stops; held
 * (certificateHold) is data, because NVIDIA suspends devices it later clears, and leaves the decision to policy.
 */

import {
  type OcspResponse,
  type OcspStatus,
  type OcspStatusInput,
  ocspStatus,
  parseOcspResponse,
} from '../../certificates/ocsp.ts';
import type { VerifiedPath } from '../../certificates/path.ts';
import { readCertificate } from '../../certificates/verification-cache.ts';
import { AttestationError } from '../../errors.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { Endorsements } from '../../model/endorsements.ts';
import type { TrustAnchor, VerifyOptions } from '../../model/verification.ts';
import { companionFault } from '../companion-fault.ts';

const SPEC = 'RFC 6960';
/** Answers about one certificate that are authenticated; one is enough. */
const MAX_ANSWERS = 32;

export interface RevocationInput {
  /** Name of the check. */
  readonly id: string;
  readonly path: VerifiedPath;
  readonly anchors: readonly TrustAnchor[];
  readonly options: VerifyOptions;
}

/**
 * The outcome for a path.
 * @throws {AttestationError} `nvidia/certificate-revoked`; `endorsements/too-large`; `certificate/ocsp-*` for answers that are forged, outdated or broken.
 */
export async function revocationCheck({ id, path, anchors, options }: RevocationInput): Promise<Check> {
  const { endorsements = [], now, cache } = options;
  const { responses, faults } = readResponses(endorsements);
  if (responses.length + faults.length === 0) return notChecked(id, SPEC, 'no ocsp answer was supplied');
  const statuses: (OcspStatus | null)[] = [];
  for (const [index, certificate] of path.chain.entries()) {
    const issuer =
      path.chain[index + 1] ?? (path.anchor.certificate === null ? null : readCertificate(path.anchor.certificate, cache));
    const status = issuer === null ? null : await settledStatus(responses, { certificate, issuer, anchors, now, cache });
    if (status === 'revoked') {
      throw new AttestationError(
        'nvidia/certificate-revoked',
        `expected a certificate in force, got a revoked one (${certificate.subjectText})`,
        {
          details: { subject: certificate.subjectText, serial: certificate.serial },
        },
      );
    }
    statuses.push(status);
  }
  const held = path.chain.filter((_, index) => statuses[index] === 'held').map(({ subjectText }) => subjectText);
  if (held.length > 0) return fail(id, SPEC, 'good', `on hold: ${held.join('; ')}`);
  const good = statuses.filter((status) => status === 'good').length;
  if (good === statuses.length) return pass(id, SPEC, `all ${good} certificates good`);
  const [unread] = faults;
  if (unread !== undefined) throw companionFault(unread, 'an ocsp answer');
  return notChecked(id, SPEC, `ocsp answers cover ${good} of ${statuses.length} certificates`);
}

/** An answer that cannot be read counts only where no other settles the question. */
function readResponses(endorsements: Endorsements) {
  const responses: OcspResponse[] = [];
  const faults: unknown[] = [];
  for (const each of endorsements) {
    if (each.kind !== 'ocsp') continue;
    try {
      responses.push(parseOcspResponse(each.der));
    } catch (error) {
      faults.push(error);
    }
  }
  return { responses, faults };
}

/** What the first sound answer about the certificate says, or the fault of the first when none is sound; `null` without any. */
async function settledStatus(
  responses: readonly OcspResponse[],
  about: Omit<OcspStatusInput, 'response'>,
): Promise<OcspStatus | null> {
  let fault: unknown;
  let settled: OcspStatus | null = null;
  let answers = 0;
  for (const response of responses) {
    try {
      const status = await ocspStatus({ ...about, response });
      if (status === 'revoked') return status;
      if (status !== null) answers++;
      settled ??= status;
    } catch (error) {
      answers++;
      fault ??= error;
    }
    // A revocation may stand in the next one, so the others are not passed over.
    if (answers > MAX_ANSWERS) throw tooMany(about.certificate.subjectText);
  }
  if (settled === null && fault !== undefined) throw companionFault(fault, 'an ocsp answer');
  return settled;
}

function tooMany(subject: string): AttestationError {
  return new AttestationError(
    'endorsements/too-large',
    `expected at most ${MAX_ANSWERS} ocsp answers about ${subject}, got more; give the latest one`,
  );
}
