/**
 * Writes vendor commitments (spec/vendor-commitment.md): a vendor's signed promise about a model. `@assay/attestation` verifies them.
 * Promises nothing about hardware.
 */

import { encodeBase64Url } from '@assay/encoding/base64';
import { bufferSource, utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { ModelError } from '../errors.ts';
import { hexDigest } from '../identity/byte-source.ts';

export interface CommitmentFields {
  /** For people, 1 to 128 printable ASCII characters. */
  readonly vendor: string;
  /** Epoch milliseconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Lower-case hex. */
  readonly nonce?: string | null | undefined;
  readonly reportData?: string | null | undefined;
  readonly measurements?: Readonly<Record<string, string>> | undefined;
  /** Name, version and digest of the model, and further members of the vendor's own. */
  readonly model?: JsonObject | null | undefined;
  /** What is promised in addition to the model: retention, region, licence. */
  readonly terms?: JsonObject | null | undefined;
}

export interface CommitmentKey {
  /** Ed25519, or ECDSA on P-256. */
  readonly privateKey: CryptoKey;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
}

/**
 * The signed commitment, JSON.
 * @throws {ModelError} `commitment/bad-field` for a name that is not printable, or a promise that ends before it begins;
 * `commitment/key-unsupported`.
 * @example JSON.stringify(await sealCommitment({ vendor: 'acme', issuedAt, expiresAt, model: { digest } }, key))
 */
export async function sealCommitment(fields: CommitmentFields, { privateKey, spki }: CommitmentKey): Promise<JsonObject> {
  if (!/^[\x20-\x7e]{1,128}$/.test(fields.vendor))
    throw badField('a vendor of 1 to 128 printable ASCII characters', JSON.stringify(fields.vendor.slice(0, 40)));
  if (!(fields.expiresAt > fields.issuedAt))
    throw badField('an end after the beginning', new Date(fields.expiresAt).toISOString());
  const { name } = privateKey.algorithm;
  const isP256 = name === 'ECDSA' && (privateKey.algorithm as EcKeyAlgorithm).namedCurve === 'P-256';
  if (name !== 'Ed25519' && !isP256)
    throw new ModelError(
      'commitment/key-unsupported',
      `expected an Ed25519 or P-256 key, got ${name}; make one with openssl genpkey -algorithm ed25519`,
    );
  const unsigned = {
    type: 'assay.vendor-commitment/1',
    vendor: fields.vendor,
    key_id: hexDigest(spki),
    algorithm: isP256 ? 'ES256' : 'Ed25519',
    issued_at: new Date(fields.issuedAt).toISOString(),
    expires_at: new Date(fields.expiresAt).toISOString(),
    nonce: fields.nonce ?? null,
    report_data: fields.reportData ?? null,
    measurements: fields.measurements ?? {},
    model: fields.model ?? null,
    ...(fields.terms === undefined || fields.terms === null ? {} : { terms: fields.terms }),
  };
  const parameters = isP256 ? { name: 'ECDSA', hash: 'SHA-256' } : { name: 'Ed25519' };
  const signature = await crypto.subtle.sign(parameters, privateKey, bufferSource(utf8(canonicalJson(unsigned))));
  return { ...unsigned, signature: encodeBase64Url(new Uint8Array(signature)) };
}

function badField(expected: string, got: string): ModelError {
  return new ModelError('commitment/bad-field', `expected ${expected}, got ${got}; change the commitment`);
}
