/**
 * The TPM quote beside a TDX quote on GCP. Proves: one attestation key signed these PCRs over the SHA-256 of this very TDX quote, and
 * PCR 14 is the replay of the runtime events. Not proved: whose key that is. Google's roots for TPM keys are not pinned, so the PCRs
 * are shown in the details and never as measurements; RTMR3, which the TDX quote signs, holds the same events.
 * Source: Dstack-TEE/dstack, dstack-attest and tpm-types.
 */

import { bufferSource, concatBytes, equalBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { parseCertificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';
import type { DstackTpmQuote } from '../../evidence/dstack/attestation.ts';
import { type LogEvent, runtimePreimages } from '../../evidence/dstack/event-log.ts';
import { reading } from '../../evidence/reading.ts';
import { tpmQuoteOfJson } from '../../evidence/tpm/quote.ts';
import { type Check, notChecked, pass } from '../../model/check.ts';
import { authenticQuote } from '../tpm/tpm.ts';
import { mismatch } from './event-log.ts';

const SPEC = 'dstack attestation, GCP';
const EVENT_PCR = 14;

export interface GcpTpm {
  readonly checks: readonly Check[];
  /** PCR values by name, lower-case hex, under a key that no certificate vouches for. */
  readonly pcrs: Readonly<Record<string, string>>;
}

/**
 * @param quote the TDX quote exactly as it stood in the attestation, padding included.
 * @throws {AttestationError} `tpm/malformed`, `tpm/signature-invalid`, `tpm/pcr-digest-mismatch`, `dstack/register-mismatch`,
 * `dstack/report-data-mismatch` when the TPM quoted something else than this TDX quote, and `certificate/malformed`.
 */
export async function verifyGcpTpm(tpm: DstackTpmQuote, quote: Uint8Array, events: readonly LogEvent[]): Promise<GcpTpm> {
  const parsed = tpmQuoteOfJson(reading('dstack/attestation-malformed', 'tpm quote', () => asJson(tpm)));
  if (parsed === null) throw new AttestationError('dstack/attestation-malformed', 'expected a tpm quote, got something else');
  const { measurements, check } = await authenticQuote(parsed, parseCertificate(tpm.certificate).spki);
  const ofQuote = await checkQuote(parsed.extraData, quote);
  const events14 = await checkEvents(tpm, events);
  return {
    checks: [
      ofQuote,
      check,
      events14,
      notChecked('dstack.tpm-key', SPEC, 'whose attestation key signed is not settled; its pcrs are no measurements'),
    ],
    pcrs: measurements,
  };
}

async function checkQuote(signed: Uint8Array, quote: Uint8Array): Promise<Check> {
  const digest = await sha256(quote);
  if (!equalBytes(signed, digest)) {
    throw new AttestationError(
      'dstack/report-data-mismatch',
      'expected a tpm quote over the hash of the tdx quote, got another; the two come from different requests',
      { details: { expected: encodeHex(digest), actual: encodeHex(signed) } },
    );
  }
  return pass('dstack.tpm-quote', SPEC, 'over the hash of the tdx quote');
}

async function checkEvents({ pcrs }: DstackTpmQuote, events: readonly LogEvent[]): Promise<Check> {
  const id = `dstack.pcr${EVENT_PCR}`;
  const signed = pcrs.find(({ index, bank }) => index === EVENT_PCR && bank === 'sha256')?.value;
  if (signed === undefined) return notChecked(id, SPEC, 'the tpm did not quote it');
  let register: Uint8Array = new Uint8Array(32);
  for (const preimage of await runtimePreimages(events)) register = await sha256(concatBytes(register, await sha256(preimage)));
  if (!equalBytes(register, signed)) throw mismatch(`pcr${EVENT_PCR}`, encodeHex(register), encodeHex(signed));
  return pass(id, SPEC, encodeHex(signed));
}

/** The form that the reader of TPM quotes knows. */
function asJson({ message, signature, pcrs }: DstackTpmQuote) {
  const banks: Record<string, Record<string, string>> = {};
  for (const { index, bank, value } of pcrs) banks[bank] = { ...banks[bank], [String(index)]: encodeHex(value) };
  return { message: encodeHex(message), signature: encodeHex(signature), pcrs: banks };
}

async function sha256(message: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(message)));
}
