/**
 * OCSP answers at hand for a verified path. Only a path all of whose certificates are found good passes. Revoked stops; held
 * (certificateHold) is data, because NVIDIA suspends devices it later clears, and leaves the decision to policy.
 */

import { type OcspStatus, ocspStatus, parseOcspResponse } from '../../certificates/ocsp.ts';
import type { VerifiedPath } from '../../certificates/path.ts';
import { rememberedCertificate } from '../../certificates/remembered.ts';
import { AttestationError } from '../../errors.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { TrustAnchor, VerifyOptions } from '../../model/verification.ts';

const SPEC = 'RFC 6960';

export interface RevocationInput {
  /** Name of the check. */
  readonly id: string;
  readonly path: VerifiedPath;
  readonly anchors: readonly TrustAnchor[];
  readonly options: VerifyOptions;
}

/**
 * The outcome for a path.
 * @throws {AttestationError} `nvidia/certificate-revoked`; `certificate/ocsp-*` for answers that are forged, outdated or broken.
 */
export async function revocationCheck({ id, path, anchors, options }: RevocationInput): Promise<Check> {
  const { endorsements = [], now } = options;
  const responses = endorsements.flatMap((each) => (each.kind === 'ocsp' ? [parseOcspResponse(each.der)] : []));
  if (responses.length === 0) return notChecked(id, SPEC, 'no ocsp answer was supplied');
  const statuses: (OcspStatus | null)[] = [];
  for (const [index, certificate] of path.chain.entries()) {
    const issuer =
      path.chain[index + 1] ?? (path.anchor.certificate === null ? null : rememberedCertificate(path.anchor.certificate));
    let status: OcspStatus | null = null;
    for (const response of responses) {
      if (issuer !== null) status ??= await ocspStatus({ response, certificate, issuer, anchors, now });
    }
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
  return notChecked(id, SPEC, `ocsp answers cover ${good} of ${statuses.length} certificates`);
}
