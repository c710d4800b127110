/**
 * The TPM verifier. Proves: an attestation key (AK) the caller trusts, or one that an SNP report vouches for, signed these PCRs and
 * this qualifying data. In order:
 *   1. the AK: its certificate chains to an anchor the caller gave, or Azure's runtime data, hashed into a genuine SNP report, names it
 *   2. signature over TPMS_ATTEST
 *   3. supplied PCR values hash to the quoted digest
 * Not proved: that the AK lives in a genuine TPM (endorsement keys are out of scope; no TPM vendor is pinned), and what the PCRs mean.
 * Source: TCG TPM 2.0 Library part 1 §18.4, part 2 §10.12.
 */

import { bufferSource, concatBytes, equalBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { verifySignature } from '../../certificates/signature.ts';
import { AttestationError } from '../../errors.ts';
import { snpEvidenceOf } from '../../evidence/snp/evidence-file.ts';
import { type TpmMessage, type TpmQuote, tpmMessageOf, tpmQuoteOf } from '../../evidence/tpm/quote.ts';
import { type Check, notChecked, pass } from '../../model/check.ts';
import type { TpmClaims, TpmMeasurements, VerifiedClaims } from '../../model/claims.ts';
import type { TeeVerifier, VerifyOptions } from '../../model/verification.ts';
import { azureAttestationKey } from '../azure/attestation-key.ts';
import { mint } from '../mint.ts';
import { verifySnp } from '../snp/snp.ts';
import { type AttestationKey, attestationKey, fingerprint, signatureInput } from './attestation-key.ts';
import { completeQuote } from './quote-files.ts';

const SPEC = 'TCG TPM 2.0 Library part 2 §10.12';

/** The plug for TPM quotes. NitroTPM documents have Nitro's shape and its plug, and claims of this type. */
export const tpmVerifier: TeeVerifier<TpmQuote | TpmMessage, TpmClaims> = {
  type: 'tpm',
  recognise(bytes) {
    const value = tpmQuoteOf(bytes) ?? tpmMessageOf(bytes);
    return value === null ? null : { type: 'tpm', value };
  },
  async verify({ value }, options) {
    if ('signature' in value) return verifyTpmQuote(value, options);
    return verifyTpmQuote(await completeQuote(value, options.endorsements ?? []), options);
  },
};

/**
 * @throws {AttestationError} `tpm/key-missing`, `tpm/key-unbound`, `tpm/signature-invalid`, `tpm/pcr-digest-mismatch`,
 * `certificate/…` of the AK's chain, `snp/…` of a report that vouches for it.
 */
export async function verifyTpmQuote(quote: TpmQuote, options: VerifyOptions): Promise<VerifiedClaims<TpmClaims>> {
  const vouched = quote.hclReport !== null ? await keyOfRuntimeData(quote.hclReport, options) : null;
  const key = vouched ?? (await attestationKey(quote, options));
  return quoteClaims(quote, key, await authenticQuote(quote, key.spki));
}

/** PCR values that hash to what an attestation key signed. */
interface AuthenticPcrs {
  readonly measurements: TpmMeasurements;
  /** Of the PCR values. */
  readonly check: Check;
}

/** A quote that an attestation key signed. */
export interface AuthenticQuote extends AuthenticPcrs {
  readonly signature: Check;
}

/**
 * Checks a quote's signature under `spki` (DER) and its PCR values; says nothing about whose key that is.
 * @throws {AttestationError} `tpm/signature-invalid`, `tpm/pcr-digest-mismatch`.
 */
export async function authenticQuote(quote: TpmQuote, spki: Uint8Array): Promise<AuthenticQuote> {
  if (!(await verifySignature({ ...signatureInput(quote.signature, spki), message: quote.message }))) {
    throw new AttestationError(
      'tpm/signature-invalid',
      'expected a quote signed by the attestation key, got a bad signature; it was changed',
    );
  }
  const signature = pass('tpm.signature', 'TCG TPM 2.0 Library part 2 §11.2.4', quote.signature.scheme);
  return { ...(await boundPcrs(quote)), signature };
}

/** Claims of a quote that {@link authenticQuote} let pass, under a key that somebody vouches for. */
export async function quoteClaims(
  quote: TpmQuote,
  key: AttestationKey,
  values: AuthenticQuote,
): Promise<VerifiedClaims<TpmClaims>> {
  return mint({
    type: 'tpm',
    simulated: key.simulated,
    debug: null,
    measurements: { 'pcr-digest': encodeHex(quote.pcrDigest), ...values.measurements },
    bindings: { reportData: null, nonce: encodeHex(quote.extraData), userData: null, publicKey: null },
    identity: { 'attestation-key': await fingerprint(key.spki), 'firmware-version': quote.firmwareVersion.toString(16) },
    tcb: null,
    issuedAt: null,
    validity: { notBefore: key.notBefore, notAfter: key.notAfter },
    root: key.root,
    checks: [
      pass('tpm.attestation-key', SPEC, key.source),
      values.signature,
      values.check,
      notChecked('tpm.endorsement-key', 'TCG EK Credential Profile', 'whether a genuine tpm holds the key is out of scope'),
    ],
    submodules: key.submodules,
    details: {
      clock: quote.clock.toString(),
      clockSafe: quote.clockSafe,
      resetCount: quote.resetCount,
      restartCount: quote.restartCount,
      selections: quote.selections.map(({ bank, indexes }) => ({ bank, indexes })),
      qualifiedSigner: encodeHex(quote.qualifiedSigner),
    },
  });
}

/** Azure: the runtime data lists `HCLAkPub`, and a genuine report's data is its hash (checked by the SNP verifier). */
async function keyOfRuntimeData(hcl: Uint8Array, options: VerifyOptions): Promise<AttestationKey> {
  const evidence = snpEvidenceOf(hcl);
  if (evidence?.kind !== 'report' || evidence.runtimeData === null) throw unbound('expected an snp report with runtime data');
  const cpu = await verifySnp(evidence, options);
  const spki = await azureAttestationKey(evidence.runtimeData.bytes);
  const { root, simulated, validity } = cpu;
  return { spki, root, simulated, submodules: { cpu }, source: 'named by the runtime data of the snp report', ...validity };
}

/** The digest covers the selected values in the order of banks and indexes, by the hash of the signature. */
async function boundPcrs(quote: TpmQuote): Promise<AuthenticPcrs> {
  const id = 'tpm.pcrs';
  if (quote.pcrs.size === 0) return { measurements: {}, check: notChecked(id, SPEC, 'no pcr values came along') };
  const measurements: Record<`pcr${number}` | `${string}-pcr${number}`, string> = {};
  const parts = quote.selections.flatMap(({ bank, indexes, width }) =>
    indexes.map((index) => {
      const value = quote.pcrs.get(bank)?.get(index);
      if (value?.length !== width) throw mismatch(`the value of ${bank} pcr ${index}`, 'none of that length');
      measurements[quote.selections.length === 1 ? (`pcr${index}` as const) : (`${bank}-pcr${index}` as const)] =
        encodeHex(value);
      return value;
    }),
  );
  const digest = new Uint8Array(await crypto.subtle.digest(quote.signature.hash, bufferSource(concatBytes(...parts))));
  if (!equalBytes(digest, quote.pcrDigest)) throw mismatch('pcr values with the quoted digest', 'others');
  return { measurements, check: pass(id, SPEC, `${parts.length} values hash to the quoted digest`) };
}

function mismatch(expected: string, actual: string): AttestationError {
  return new AttestationError('tpm/pcr-digest-mismatch', `expected ${expected}, got ${actual}; these are not the quoted pcrs`);
}

function unbound(message: string): AttestationError {
  return new AttestationError('tpm/key-unbound', `${message}, got none; nothing vouches for the attestation key`);
}
