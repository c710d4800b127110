/**
 * Messages of Google's attestation tools, binary, as text or as JSON: go-tdx-guest's `QuoteV4` and `QuoteV5`, go-sev-guest's `Attestation` and
 * `Report`, and go-tpm-tools' `Attestation`, which holds one of them beside quotes of the vTPM.
 * Source: google/go-tpm-tools, proto/attest.proto and proto/tpm.proto.
 * Not checked here: anything; what comes out is verified like any file.
 */

import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { QUOTE_V4_SCHEMA, QUOTE_V5_SCHEMA, quoteOfProto } from '../dcap/quote-proto.ts';
import { jsonObjectIn } from '../reading.ts';
import { SNP_ATTESTATION_SCHEMA, SNP_REPORT_SCHEMA, snpEvidenceOfProto } from '../snp/report-proto.ts';
import { jsonFormatMessage } from './json-format.ts';
import { protobufContent, protobufContents, protobufFields } from './protobuf.ts';
import { looksLikeTextFormat, type ProtobufSchema, textFormatMessage } from './text-format.ts';

const TPM_QUOTE: ProtobufSchema = {
  quote: [1, 'bytes'],
  raw_sig: [2, 'bytes'],
  pcrs: [3, { hash: [1, 'integer'], pcrs: [2, { key: [1, 'integer'], value: [2, 'bytes'] }] }],
};
const VTPM_ATTESTATION: ProtobufSchema = {
  ak_pub: [1, 'bytes'],
  quotes: [2, TPM_QUOTE],
  event_log: [3, 'bytes'],
  instance_info: [
    4,
    {
      zone: [1, 'bytes'],
      project_id: [2, 'bytes'],
      project_number: [3, 'integer'],
      instance_name: [4, 'bytes'],
      instance_id: [5, 'integer'],
    },
  ],
  canonical_event_log: [5, 'bytes'],
  ak_cert: [6, 'bytes'],
  intermediate_certs: [7, 'bytes'],
  sev_snp_attestation: [8, SNP_ATTESTATION_SCHEMA],
  tdx_attestation: [9, QUOTE_V4_SCHEMA],
};
const SCHEMAS: readonly ProtobufSchema[] = [
  QUOTE_V4_SCHEMA,
  QUOTE_V5_SCHEMA,
  SNP_ATTESTATION_SCHEMA,
  SNP_REPORT_SCHEMA,
  VTPM_ATTESTATION,
];
const MAX_TEXT = 1 << 20; // bytes
/** `TPM_ALG_SHA256`; banks of weaker hashes are quoted beside it. */
const SHA256 = 11n;
const MAX_QUOTES = 8;

/**
 * The evidence in such a message as its own readers take it: a raw quote, a binary SNP message, or a TPM quote as JSON; `null` when `file`
 * is something else.
 * @throws {AttestationError} `dcap/quote-malformed`, `snp/malformed` for a message that lacks a part.
 */
export function googleMessage(file: Uint8Array): Uint8Array | null {
  return ofBinary(file) ?? ofText(file);
}

/** A message of any of the schemas, binary already. */
function ofMessage(message: Uint8Array): Uint8Array | null {
  return ofBinary(message) ?? (snpEvidenceOfProto(message) === null ? null : message);
}

function ofBinary(bytes: Uint8Array): Uint8Array | null {
  const quote = quoteOfProto(bytes);
  if (quote !== null) return quote;
  const fields = protobufFields(bytes);
  if (fields === null) return null;
  const [snp, tdx] = [protobufContent(fields, 8), protobufContent(fields, 9)];
  if (tdx !== null && quoteOfProto(tdx) !== null) return quoteOfProto(tdx);
  if (snp !== null && snpEvidenceOfProto(snp) !== null) return snp;
  const quotes = protobufContents(fields, 2).slice(0, MAX_QUOTES);
  const certificates = [...protobufContents(fields, 6), ...protobufContents(fields, 7)];
  for (const each of quotes) {
    const json = tpmQuote(each, certificates, protobufContent(fields, 1));
    if (json !== null) return json;
  }
  return null;
}

function ofText(file: Uint8Array): Uint8Array | null {
  if (file.length > MAX_TEXT || file.some((byte) => byte > 0x7e)) return null;
  const text = new TextDecoder().decode(file);
  const json = text.trimStart().startsWith('{"') || /^\s*\{\s/.test(text) ? jsonObjectIn(file) : null;
  if (json === null && !looksLikeTextFormat(text)) return null;
  for (const schema of SCHEMAS) {
    const message = json === null ? textFormatMessage(text, schema) : jsonFormatMessage(json, schema);
    if (message !== null) return ofMessage(message);
  }
  return null;
}

/** One `tpm.Quote` over SHA-256 registers in the JSON form of evidence/tpm. */
function tpmQuote(bytes: Uint8Array, certificates: readonly Uint8Array[], publicArea: Uint8Array | null): Uint8Array | null {
  const quote = protobufFields(bytes);
  const pcrs = quote === null ? null : protobufFields(protobufContent(quote, 3) ?? new Uint8Array(0));
  if (quote === null || pcrs === null || pcrs.find(({ number }) => number === 1)?.integer !== SHA256) return null;
  const [message, signature] = [protobufContent(quote, 1), protobufContent(quote, 2)];
  if (message === null || signature === null) return null;
  const values = protobufContents(pcrs, 2).map((entry) => {
    const fields = protobufFields(entry) ?? [];
    const index = fields.find(({ number }) => number === 1)?.integer ?? 0n;
    return [index.toString(), encodeHex(protobufContent(fields, 2) ?? new Uint8Array(0))];
  });
  return utf8(
    JSON.stringify({
      message: encodeBase64(message),
      signature: encodeBase64(signature),
      pcrs: { sha256: Object.fromEntries(values) },
      ...(publicArea !== null && { ak_pub: encodeBase64(publicArea) }),
      ...(certificates.length > 0 && { ak_cert: certificates.map((der) => encodePem('CERTIFICATE', der)).join('') }),
    }),
  );
}
