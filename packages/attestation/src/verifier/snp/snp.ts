/**
 * AMD SEV-SNP. Proves: this report was signed by the security processor of an AMD chip of a known product line (or by a key AMD
 * gave to a cloud provider), at the TCB the report names, under AMD's pinned root, in force at `now`. In order:
 *   1. the report is signed at all                         4. the path of that key to the product's ARK
 *   2. keys of the named kind, product, chip and TCB       5. revocation by the CRLs at hand
 *   3. the report's signature by one of them               6. Azure's runtime data against the report data
 * Not proved: measurements, guest policy, VMPL, freshness (appraisal); that the chip has not been opened or its keys extracted
 * (Milan: BadFuse); where the machine is. A VCEK's notBefore is the time it was asked for and may lie after the report's making.
 * Sources: AMD 56860 revision 1.58 §7.3 and chapter 10; AMD 57230 revision 1.00; AMD 58369 (VLEK).
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { type VerifySignatureInput, verifySignature } from '../../certificates/signature.ts';
import { readCertificate, type VerificationCache } from '../../certificates/verification-cache.ts';
import { AttestationError } from '../../errors.ts';
import { allZero, reading } from '../../evidence/reading.ts';
import {
  type SnpEvidence,
  type SnpKeyEvidence,
  type SnpReportEvidence,
  snpEvidenceOf,
} from '../../evidence/snp/evidence-file.ts';
import type { SnpReport } from '../../evidence/snp/report.ts';
import { type Check, pass } from '../../model/check.ts';
import type { SevSnpClaims, VerifiedClaims } from '../../model/claims.ts';
import type { TeeVerifier, VerifyOptions } from '../../model/verification.ts';
import { mint } from '../mint.ts';
import { commitsTo } from '../report-data.ts';
import { candidateCertificates, chooseKeys, type KeyChoice, type KeyPathInput, keyPath, listsIn } from './certificates.ts';
import { type BoundRuntimeData, type SigningKey, snpClaims } from './claims.ts';
import { type EndorsementKey, parseEndorsementKey } from './endorsement-key.ts';

/** The SEV-SNP plug. */
export const snpVerifier: TeeVerifier<SnpEvidence, SevSnpClaims> = {
  type: 'sev-snp',
  recognise(bytes) {
    const value = snpEvidenceOf(bytes);
    return value === null ? null : { type: 'sev-snp', value };
  },
  verify({ value }, options) {
    return value.kind === 'report' ? verifySnp(value, options) : refuseLoneKey(value, options);
  },
};

/**
 * Authenticates a report.
 * @throws {AttestationError} `endorsements/…` for a key or a list that is foreign, out of date or broken;
 *   `snp/unsigned`, `snp/endorsement-key-missing`, `snp/product-unknown`, `snp/product-mismatch`,
 *   `snp/chip-id-mismatch`, `snp/tcb-mismatch`, `snp/endorsement-key-malformed`, `snp/signature-invalid`,
 *   `snp/certificate-chain-mismatch`, `snp/runtime-data-unbound`, and `certificate/*` of the path.
 * @example
 * const recognised = snpVerifier.recognise(file);
 * if (recognised !== null) await snpVerifier.verify(recognised, { now, endorsements: [{ kind: 'certificate', der: vcek }] });
 */
export async function verifySnp(evidence: SnpReportEvidence, options: VerifyOptions): Promise<VerifiedClaims<SevSnpClaims>> {
  const { report } = evidence;
  const { endorsements = [], cache } = options;
  refuseUnsigned(report);
  const certificates = candidateCertificates(evidence.certificates, endorsements, cache);
  const keys = await signers(report, chooseKeys(report, certificates, cache), cache);
  const signed = await firstPath(keys, { certificates, lists: listsIn(endorsements), ...options });
  const runtimeData = await boundRuntimeData(evidence);
  return mint(snpClaims({ report, ...signed, runtimeData, unread: evidence.unread }));
}

function refuseUnsigned(report: SnpReport): void {
  if (report.signingKey !== 'none' && !allZero(report.signature)) return;
  const why = report.chipKeyMasked ? 'the host masks the chip key' : 'no key was named';
  throw new AttestationError(
    'snp/unsigned',
    `expected a signed report, got an unsigned one: ${why}; change the host's setting`,
  );
}

/** One key can come in several certificates; the first with a path counts. */
async function firstPath(keys: readonly SigningKey[], input: Omit<KeyPathInput, 'key'>) {
  let first: unknown;
  for (const signer of keys) {
    try {
      return { ...signer, path: await keyPath({ ...input, key: signer.key }) };
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

/** The keys under which the report's signature is good (56860, chapter 10), at least one. */
async function signers(
  report: SnpReport,
  { fitting, misfits }: KeyChoice,
  cache: VerificationCache | undefined,
): Promise<readonly SigningKey[]> {
  const good: SigningKey[] = [];
  for (const { key, checks } of fitting) {
    const signature = await signatureCheck(report, key, { candidates: fitting.length, cache });
    if (signature !== null) good.push({ key, signature, fit: checks });
  }
  if (good.length > 0) return good;
  for (const { key, error } of misfits) {
    // The report contradicts the key that signed it: one of the two was made up.
    if ((await signatureCheck(report, key, { candidates: misfits.length, cache })) !== null) throw error;
  }
  const [closest] = misfits;
  if (closest !== undefined) {
    const message = `cannot use the ${closest.key.kind} given: ${closest.error.message}`;
    throw new AttestationError('endorsements/foreign', message, {
      cause: closest.error,
      details: { companion: closest.key.kind, ...closest.error.details },
    });
  }
  throw new AttestationError(
    'snp/signature-invalid',
    `expected a report signed by the ${report.signingKey}, got a bad signature; it was changed`,
  );
}

/** `null` when the key did not sign the report. */
async function signatureCheck(
  report: SnpReport,
  { certificate, kind }: EndorsementKey,
  { candidates, cache }: Pick<VerifySignatureInput, 'candidates' | 'cache'>,
): Promise<Check | null> {
  const good = await verifySignature({
    spki: certificate.spki,
    algorithm: { name: 'ECDSA', hash: 'SHA-384' },
    signature: report.signature,
    message: report.signed,
    signatureForm: 'raw',
    candidates,
    cache,
  });
  return good ? pass('snp.signature', 'AMD 56860 chapter 10', `ecdsa p-384 by the ${kind}`) : null;
}

/** Runtime data counts only when the report commits to it. */
async function boundRuntimeData({ report, runtimeData }: SnpReportEvidence): Promise<BoundRuntimeData | null> {
  if (runtimeData === null) return null;
  if (!(await commitsTo(report.reportData, runtimeData))) {
    throw new AttestationError(
      'snp/runtime-data-unbound',
      'expected report data that is the hash of the runtime data, got another; no TEE vouches for the keys in it',
      { details: { hash: runtimeData.hash, reportData: encodeHex(report.reportData) } },
    );
  }
  const text = reading('snp/malformed', 'runtime data', () => decodeUtf8(runtimeData.bytes));
  return { text, check: pass('snp.runtime-data', 'Azure HCL attestation', 'hashed in the report data') };
}

/** A key without a report proves nothing about a guest; a forged key is named as such. */
async function refuseLoneKey(evidence: SnpKeyEvidence, options: VerifyOptions): Promise<never> {
  const key = parseEndorsementKey(readCertificate(evidence.certificate, options.cache));
  const certificates = candidateCertificates([], options.endorsements ?? [], options.cache);
  await keyPath({ key, certificates, lists: listsIn(options.endorsements ?? []), ...options });
  throw new AttestationError(
    'snp/report-missing',
    `expected a report, got only a genuine ${key.kind} certificate of ${key.productName}; supply the report it endorses`,
  );
}
