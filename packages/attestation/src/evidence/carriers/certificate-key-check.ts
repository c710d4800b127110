/**
 * Whether evidence that lies in a certificate is about that certificate's key. Source: CCC Interoperable RA-TLS; TCG DICE Attestation Architecture.
 * Not checked here: the evidence. Of Open Enclave, the hash over PEM is not recomputed.
 */

import { bufferSource, equalBytes, joinBytes, utf8 } from '@assay/encoding/bytes';
import { type Check, notChecked, pass } from '../../model/check.ts';
import { type CertificateEvidence, cborOf } from './certificate-evidence.ts';

/** IANA named information hash algorithms. */
const HASHES: ReadonlyMap<number, string> = new Map([
  [1, 'SHA-256'],
  [7, 'SHA-384'],
  [8, 'SHA-512'],
]);
const ID = 'evidence.certificate-key';
const SPEC = 'CCC Interoperable RA-TLS';

/**
 * Whether the report data commits to the certificate's key, in one of the ways in use: the hash of the SubjectPublicKeyInfo (Gramine), of
 * claims that name that hash (TCG DICE), of `ratls-cert:` and the key (dstack), or of its PEM (Open Enclave).
 * @param reportData lower-case hex, `null` when the evidence has none.
 */
export async function certificateKeyCheck(
  { spki, claims }: Pick<CertificateEvidence, 'spki' | 'claims'>,
  reportData: string | null,
): Promise<Check> {
  const data = Uint8Array.from(reportData?.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  for (const [way, message] of await waysOf(spki, claims))
    if (await commits(data, message)) return pass(ID, SPEC, way, "the certificate's key in the report data");
  return notChecked(
    ID,
    SPEC,
    'nothing shows that the evidence is about the key of its certificate; do not trust a connection by it',
  );
}

async function waysOf(spki: Uint8Array, claims: Uint8Array | null): Promise<readonly (readonly [string, Uint8Array])[]> {
  const named = claims !== null && (await namesKey(claims, spki)) ? ([['claims that name the key', claims]] as const) : [];
  return [
    ['hash of the key', spki],
    ['hash of the key with the tag ratls-cert', joinBytes([utf8('ratls-cert:'), spki])],
    ...named,
  ];
}

/** The hash, then zeros; longer hashes fill the report data. */
async function commits(data: Uint8Array, message: Uint8Array): Promise<boolean> {
  for (const name of HASHES.values()) {
    const digest = await digestOf(name, message);
    const rest = data.subarray(digest.length);
    if (equalBytes(data.subarray(0, digest.length), digest) && rest.every((byte) => byte === 0)) return true;
  }
  return false;
}

/** `{"pubkey-hash": bytes of [algorithm, hash]}`. */
async function namesKey(claims: Uint8Array, spki: Uint8Array): Promise<boolean> {
  const map = cborOf(claims);
  const entry = map instanceof Map ? map.get('pubkey-hash') : null;
  const pair = entry instanceof Uint8Array ? cborOf(entry) : entry;
  const [algorithm, digest] = Array.isArray(pair) ? pair : [];
  const name = typeof algorithm === 'number' ? HASHES.get(algorithm) : undefined;
  return name !== undefined && digest instanceof Uint8Array && equalBytes(await digestOf(name, spki), digest);
}

async function digestOf(name: string, message: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(name, bufferSource(message)));
}
