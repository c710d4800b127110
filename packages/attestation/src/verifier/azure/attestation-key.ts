/**
 * The vTPM's attestation key in Azure's runtime data: the RSA key named `HCLAkPub` in a JSON key set.
 * Source: Microsoft, "Guest attestation for confidential VMs", runtime data.
 * Not checked here: that genuine hardware vouches for the runtime data; the callers verify its hash in the report data.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { withoutTrailing } from '@assay/encoding/text-ends';
import { AttestationError } from '../../errors.ts';
import { reading } from '../../evidence/reading.ts';

/**
 * @param runtimeData exact bytes of the runtime data: JSON, perhaps zero-padded.
 * @returns DER SubjectPublicKeyInfo.
 * @throws {AttestationError} `tpm/malformed`, `tpm/key-unbound`.
 * @example const spki = await azureAttestationKey(evidence.runtimeData.bytes);
 */
export async function azureAttestationKey(runtimeData: Uint8Array): Promise<Uint8Array> {
  const json = reading('tpm/malformed', 'runtime data', () => parseJson(withoutTrailing(decodeUtf8(runtimeData), '\0')));
  const { keys } = (json ?? {}) as JsonObject;
  const named = (Array.isArray(keys) ? (keys as readonly Json[]) : []).filter(
    (each) => (each as JsonObject | null)?.kid === 'HCLAkPub',
  ) as readonly JsonObject[];
  const [jwk, ...others] = named;
  if (others.length > 0 || jwk?.kty !== 'RSA' || typeof jwk.n !== 'string' || typeof jwk.e !== 'string') {
    throw new AttestationError(
      'tpm/key-unbound',
      'expected one rsa key HCLAkPub in the runtime data, got none; nothing vouches for the attestation key',
    );
  }
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  try {
    const key = await crypto.subtle.importKey('jwk', { kty: 'RSA', n: jwk.n, e: jwk.e }, algorithm, true, ['verify']);
    return new Uint8Array(await crypto.subtle.exportKey('spki', key));
  } catch (cause) {
    throw new AttestationError('tpm/key-unbound', 'expected a usable rsa key in the runtime data, got none', { cause });
  }
}
