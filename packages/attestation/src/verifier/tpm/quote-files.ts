/**
 * A quote put together from the files of tpm2-tools: the message is the subject; signature and PCR values lie beside it, in any order and
 * under any name. What belongs together, the message tells: it selects the PCRs, and their digest says which hash was used.
 * Not checked here: the signature, and whose key it is (attestation-key.ts).
 */

import { bufferSource, concatBytes, equalBytes } from '@assay/encoding/bytes';
import { derSequence, derUnsigned, readDer } from '@assay/encoding/der';
import { AttestationError } from '../../errors.ts';
import { bytesOfText } from '../../evidence/reading.ts';
import { type PcrValues, pcrValuesOf } from '../../evidence/tpm/pcr-values.ts';
import { type HashName, signatureOf, type TpmMessage, type TpmQuote, type TpmSignature } from '../../evidence/tpm/quote.ts';
import type { Endorsements } from '../../model/endorsements.ts';
import { valueOr } from '../../value-or.ts';
import { foreignCompanion } from '../companion-fault.ts';

/** The signing scheme's hash also makes the digest over the PCRs. */
const HASH_OF_LENGTH: ReadonlyMap<number, HashName> = new Map([
  [32, 'SHA-256'],
  [48, 'SHA-384'],
  [64, 'SHA-512'],
]);
const NO_BYTES = new Uint8Array(0);
const NOTHING: PcrValues = new Map();

/**
 * The quote of `message` with the signature and the PCR values among the companions.
 * @throws {AttestationError} `tpm/signature-missing`; `endorsements/foreign` when there are PCR values, and all of other quotes.
 */
export async function completeQuote(message: TpmMessage, endorsements: Endorsements): Promise<TpmQuote> {
  const files = endorsements.flatMap((each) =>
    each.kind === 'bytes' ? [each.bytes, bytesOfText(each.bytes) ?? NO_BYTES] : [],
  );
  const hash = HASH_OF_LENGTH.get(message.pcrDigest.length) ?? 'SHA-256';
  const [signature] = files.flatMap((bytes) => signatureIn(bytes, hash) ?? []);
  if (signature === undefined) {
    throw new AttestationError(
      'tpm/signature-missing',
      'expected the signature of the quote beside its message, got none; give the file that tpm2_quote -s wrote, and the one of -o, as companions',
    );
  }
  return {
    ...message,
    signature,
    pcrs: await valuesIn(files, message, hash),
    certificates: [],
    publicKey: null,
    hclReport: null,
  };
}

/** TPMT_SIGNATURE, or what `-f plain` writes: RSA as it is, ECDSA in DER. */
function signatureIn(bytes: Uint8Array, hash: HashName): TpmSignature | null {
  if (bytes.length < 8 || bytes.length > 1024) return null;
  return valueOr(() => (bytes[0] === 0x30 ? plainEcdsa(bytes, hash) : signatureOf(bytes, hash)), null);
}

function plainEcdsa(bytes: Uint8Array, hash: HashName): TpmSignature | null {
  const [r, s, ...more] = derSequence(readDer(bytes));
  if (r === undefined || s === undefined || more.length > 0) return null;
  return { scheme: 'ecdsa', hash, r: derUnsigned(r), s: derUnsigned(s) };
}

/** The first values that hash to the quoted digest. */
async function valuesIn(files: readonly Uint8Array[], message: TpmMessage, hash: HashName): Promise<PcrValues> {
  const found = files.flatMap((bytes) => pcrValuesOf(bytes, message.selections) ?? []);
  for (const values of found) {
    const parts = message.selections.flatMap(({ bank, indexes }) => indexes.map((index) => values.get(bank)?.get(index)));
    if (!parts.every((part) => part !== undefined)) continue;
    const digest = new Uint8Array(await crypto.subtle.digest(hash, bufferSource(concatBytes(...parts))));
    if (equalBytes(digest, message.pcrDigest)) return values;
  }
  if (found.length === 0) return NOTHING;
  throw foreignCompanion('the pcr values', 'values that hash to the quoted digest', 'others');
}
