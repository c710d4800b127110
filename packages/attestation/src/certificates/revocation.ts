/**
 * Revocation of a verified path (RFC 5280 §6.3) by the lists at hand. A certificate is `good` when a list that covers it, signed
 * by its issuer and in force, does not name it. Lists are evidence too: one that covers a certificate but is forged or outdated
 * stops the path unless another one settles the question.
 */

import { AttestationError } from '../errors.ts';
import { type CertificateList, crlCovers, verifyCrl } from './crl.ts';
import type { VerificationCache } from './verification-cache.ts';
import type { Certificate } from './x509.ts';

/** `not-checked`: no list at hand covers the certificate. */
export type Revocation = 'good' | 'not-checked';

export interface CheckRevocationInput {
  /** Certificates whose signatures were verified, each with the issuer that signed it. */
  readonly issued: readonly {
    readonly certificate: Certificate;
    readonly issuer: Pick<Certificate, 'subject' | 'spki' | 'keyUsage'>;
  }[];
  readonly crls: readonly CertificateList[];
  readonly requireCrls: boolean;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly cache?: VerificationCache | undefined;
}

/**
 * One outcome per certificate.
 * @throws {AttestationError} `certificate/revoked`; `certificate/crl-missing` when lists are required; and where no list settles a
 * certificate, the first fault of those that cover it ({@link verifyCrl}).
 */
export async function checkRevocation(input: CheckRevocationInput): Promise<Revocation[]> {
  const outcomes: Revocation[] = [];
  for (const { certificate, issuer } of input.issued) {
    const outcome = await revocationOf(certificate, issuer, input);
    if (outcome === 'not-checked' && input.requireCrls) {
      throw new AttestationError(
        'certificate/crl-missing',
        `expected a crl of ${certificate.issuerText}, got none; fetch it and retry`,
        {
          details: { subject: certificate.subjectText, issuer: certificate.issuerText },
        },
      );
    }
    outcomes.push(outcome);
  }
  return outcomes;
}

async function revocationOf(
  certificate: Certificate,
  issuer: Pick<Certificate, 'subject' | 'spki' | 'keyUsage'>,
  { crls, now, cache }: CheckRevocationInput,
): Promise<Revocation> {
  let fault: unknown;
  let outcome: Revocation = 'not-checked';
  for (const crl of crls) {
    if (!crlCovers(crl, certificate)) continue;
    const listed = crl.isRevoked(certificate.serial);
    try {
      await verifyCrl({ crl, issuer, now, cache });
      if (!listed) outcome = 'good';
    } catch (error) {
      // Dates are looked at last: an old list is still its issuer's, and what was revoked stays revoked.
      const isOld = AttestationError.is(error) && error.code === 'certificate/crl-expired';
      if (isOld && listed) throw revoked(certificate);
      fault ??= error;
      continue;
    }
    if (listed) throw revoked(certificate);
  }
  if (outcome === 'not-checked' && fault !== undefined) throw fault;
  return outcome;
}

function revoked({ subjectText: subject, serial, issuerText: issuer }: Certificate): AttestationError {
  return new AttestationError(
    'certificate/revoked',
    `expected a certificate in force, got a revoked one (${subject}); do not trust what it vouches for`,
    { details: { subject, serial, issuer } },
  );
}
