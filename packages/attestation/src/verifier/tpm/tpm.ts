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
import { COORDINATE_BYTES, publicKeyAlgorithm, type SignatureAlgorithm } from '../../certificates/algorithms.ts';
import { verifyPath } from '../../certificates/path.ts';
import { verifySignature } from '../../certificates/signature.ts';
import { parseCertificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import { snpEvidenceOf } from '../../evidence/snp/evidence-file.ts';
import { type TpmQuote, type TpmSignature, tpmQuoteOf } from '../../evidence/tpm/quote.ts';
import { type Check, notChecked, pass } from '../../model/check.ts';
import type { Claims, VerifiedClaims } from '../../model/claims.ts';
import type { TeeVerifier, VerifyOptions } from '../../model/verification.ts';
import { azureAttestationKey } from '../azure/attestation-key.ts';
import { mint } from '../mint.ts';
import { verifySnp } from '../snp/snp.ts';

const SPEC = 'TCG TPM 2.0 Library part 2 §10.12';
const EXTENDED_KEY_USAGE = '2.5.29.37';

/** The plug for TPM quotes. NitroTPM documents have Nitro's shape and its plug, and claims of this type. */
export const tpmVerifier: TeeVerifier<TpmQuote> = {
  type: 'tpm',
  recognise(bytes) {
    const value = tpmQuoteOf(bytes);
    return value === null ? null : { type: 'tpm', value };
  },
  verify: ({ value }, options) => verifyTpmQuote(value, options),
};

/**
 * @throws {AttestationError} `tpm/key-missing`, `tpm/key-unbound`, `tpm/signature-invalid`, `tpm/pcr-digest-mismatch`,
 * `certificate/…` of the AK's chain, `snp/…` of a report that vouches for it.
 */
export async function verifyTpmQuote(quote: TpmQuote, options: VerifyOptions): Promise<VerifiedClaims> {
  const key = await attestationKey(quote, options);
  return quoteClaims(quote, key, await authenticQuote(quote, key.spki));
}

/** PCR values that hash to what an attestation key signed. */
export interface AuthenticPcrs {
  readonly measurements: Claims['measurements'];
  readonly check: Check;
}

/**
 * Checks a quote's signature under `spki` (DER) and its PCR values; says nothing about whose key that is.
 * @throws {AttestationError} `tpm/signature-invalid`, `tpm/pcr-digest-mismatch`.
 */
export async function authenticQuote(quote: TpmQuote, spki: Uint8Array): Promise<AuthenticPcrs> {
  const good = await verifySignature({ ...signatureInput(quote.signature, spki), message: quote.message });
  if (!good) {
    throw new AttestationError('tpm/signature-invalid', 'expected a quote signed by the attestation key, got a bad signature');
  }
  return boundPcrs(quote);
}

/** Claims of a quote that {@link authenticQuote} let pass, under a key that somebody vouches for. */
export async function quoteClaims(quote: TpmQuote, key: AttestationKey, values: AuthenticPcrs): Promise<VerifiedClaims> {
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
      pass('tpm.signature', 'TCG TPM 2.0 Library part 2 §11.2.4', quote.signature.scheme),
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

/** A key and who vouches for it. */
export interface AttestationKey extends Pick<Claims, 'root' | 'simulated' | 'submodules'> {
  /** DER. */
  readonly spki: Uint8Array;
  readonly source: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

async function attestationKey(quote: TpmQuote, options: VerifyOptions): Promise<AttestationKey> {
  if (quote.hclReport !== null) return keyOfRuntimeData(quote.hclReport, options);
  const beside = options.endorsements?.flatMap((each) => (each.kind === 'certificate' ? [each.der] : [])) ?? [];
  const chain = (quote.certificates.length > 0 ? [...quote.certificates, ...beside] : beside).map(parseCertificate);
  if (chain.length === 0) {
    throw new AttestationError(
      'tpm/key-missing',
      "expected the attestation key's certificate, got none; supply it and its issuers",
    );
  }
  const path = await verifyPath({
    chain,
    anchors: options.additionalAnchors ?? [],
    now: options.now,
    knownCriticalExtensions: [EXTENDED_KEY_USAGE],
  });
  const [leaf] = path.chain;
  if (leaf === undefined)
    throw new AttestationError('tpm/key-missing', 'expected a certificate of the attestation key, got none');
  const { anchor, notBefore, notAfter } = path;
  const root = await fingerprint(anchor.spki);
  return {
    spki: leaf.spki,
    root,
    simulated: anchor.simulated,
    submodules: {},
    source: `chain to ${anchor.name}`,
    notBefore,
    notAfter,
  };
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

function signatureInput(signature: TpmSignature, spki: Uint8Array) {
  if (signature.scheme !== 'ecdsa') {
    const { hash } = signature;
    const algorithm: SignatureAlgorithm =
      signature.scheme === 'rsassa'
        ? { name: 'RSASSA-PKCS1-v1_5', hash }
        : { name: 'RSA-PSS', hash, saltLength: Number(hash.slice(4)) / 8 };
    return { spki, algorithm, signature: signature.signature };
  }
  const kind = publicKeyAlgorithm(spki);
  const width = kind === 'RSA' || kind === 'Ed25519' ? 0 : COORDINATE_BYTES[kind];
  const raw = concatBytes(padded(signature.r, width), padded(signature.s, width));
  return { spki, algorithm: { name: 'ECDSA', hash: signature.hash } as const, signature: raw, signatureForm: 'raw' as const };
}

function padded(integer: Uint8Array, width: number): Uint8Array {
  if (integer.length >= width) return integer;
  return concatBytes(new Uint8Array(width - integer.length), integer);
}

/** The digest covers the selected values in the order of banks and indexes, by the hash of the signature. */
async function boundPcrs(quote: TpmQuote): Promise<AuthenticPcrs> {
  const id = 'tpm.pcrs';
  if (quote.pcrs.size === 0) return { measurements: {}, check: notChecked(id, SPEC, 'no pcr values came along') };
  const measurements: Record<string, string> = {};
  const parts = quote.selections.flatMap(({ bank, indexes, width }) =>
    indexes.map((index) => {
      const value = quote.pcrs.get(bank)?.get(index);
      if (value?.length !== width) throw mismatch(`the value of ${bank} pcr ${index}`, 'none of that length');
      measurements[quote.selections.length === 1 ? `pcr${index}` : `${bank}-pcr${index}`] = encodeHex(value);
      return value;
    }),
  );
  const digest = new Uint8Array(await crypto.subtle.digest(quote.signature.hash, bufferSource(concatBytes(...parts))));
  if (!equalBytes(digest, quote.pcrDigest)) throw mismatch('pcr values with the quoted digest', 'others');
  return { measurements, check: pass(id, SPEC, `${parts.length} values hash to the quoted digest`) };
}

async function fingerprint(spki: Uint8Array): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(spki))));
}

function mismatch(expected: string, actual: string): AttestationError {
  return new AttestationError('tpm/pcr-digest-mismatch', `expected ${expected}, got ${actual}; these are not the quoted pcrs`);
}

function unbound(message: string): AttestationError {
  return new AttestationError('tpm/key-unbound', `${message}, got none; nothing vouches for the attestation key`);
}
