/**
 * How quotes lie in files: binary, hex (with or without `0x`) and base64 (standard or URL-safe, padded or not), with any
 * white space around or between the digits, each also behind the headers that Open Enclave puts before reports and evidence, and
 * JSON envelopes. Source of the headers: Open Enclave SDK, oe_report_header_t and oe_attestation_header_t.
 * Not checked here: anything beyond the first bytes; parseQuote verifies the rest.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { decodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../../errors.ts';
import { QUOTE_HEADER_LENGTH, TEE_TYPE_SGX, TEE_TYPE_TDX } from './quote.ts';
import { openQuoteEnvelope } from './quote-envelope.ts';

/** QE vendor id 939a7233-f79c-4ca9-940a-0db3957f0607: Intel's. */
export const INTEL_QE_VENDOR_ID: Uint8Array = Uint8Array.of(
  0x93,
  0x9a,
  0x72,
  0x33,
  0xf7,
  0x9c,
  0x4c,
  0xa9,
  0x94,
  0x0a,
  0x0d,
  0xb3,
  0x95,
  0x7f,
  0x06,
  0x07,
);

/** Open Enclave's headers: 32-bit fields, a 16-byte format identifier, a 64-bit size, laid out as C does. */
const [EVIDENCE_VERSION, EVIDENCE_HEADER_LENGTH] = [3, 32];
const [REPORT_VERSION, REPORT_REMOTE, REPORT_HEADER_LENGTH] = [1, 2, 16];
/** Enough to tell a quote behind both headers, bytes; a multiple of 3, so that base64 of it stands alone. */
const HEAD_LENGTH = EVIDENCE_HEADER_LENGTH + REPORT_HEADER_LENGTH + QUOTE_HEADER_LENGTH;

/** Text longer than this is not a quote, characters. */
const MAX_TEXT_LENGTH = 1 << 20;

/**
 * The bytes of the quote in a file, or `null` when the file holds something else. Binary files come back as they are.
 * @throws {AttestationError} `dcap/quote-malformed` when text begins as a quote and then breaks its encoding.
 */
export function quoteBytes(file: Uint8Array): Uint8Array | null {
  if (looksLikeQuote(file)) return file;
  const behindHeaders = openEnclaveQuote(file);
  if (behindHeaders !== null) return behindHeaders;
  if (file.length > MAX_TEXT_LENGTH || !isText(file)) return null;
  const envelope = openQuoteEnvelope(file);
  if (envelope !== null) return looksLikeQuote(envelope.quote) ? envelope.quote : null;
  const text = new TextDecoder().decode(file).replace(/\s+/g, '');
  const hex = text.startsWith('0x') || text.startsWith('0X') ? text.slice(2) : text;
  if (/^[0-9a-fA-F]+$/.test(hex.slice(0, 2 * HEAD_LENGTH))) {
    const head = fromHex(hex.slice(0, 2 * HEAD_LENGTH));
    if (head !== null && binaryQuote(head) !== null) return binaryQuote(fromHex(hex) ?? brokenText('hexadecimal'));
  }
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/');
  const head = fromBase64(base64.slice(0, (HEAD_LENGTH / 3) * 4));
  if (head === null || binaryQuote(head) === null) return null;
  return binaryQuote(fromBase64(base64) ?? brokenText('base64'));
}

function binaryQuote(bytes: Uint8Array): Uint8Array | null {
  return looksLikeQuote(bytes) ? bytes : openEnclaveQuote(bytes);
}

/** The quote behind a report header (version 1, type 2, size), an evidence header (version 3, format, size) or both. */
function openEnclaveQuote(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length < HEAD_LENGTH) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_LENGTH);
  const start = view.getUint32(0, true) === EVIDENCE_VERSION ? EVIDENCE_HEADER_LENGTH : 0;
  const isReport = view.getUint32(start, true) === REPORT_VERSION && view.getUint32(start + 4, true) === REPORT_REMOTE;
  const quote = bytes.subarray(start + (isReport ? REPORT_HEADER_LENGTH : 0));
  return quote.length < bytes.length && looksLikeQuote(quote) ? quote : null;
}

/** True when `bytes` begin like a DCAP quote: Intel's QE vendor id, or a version, key type and TEE type that fit together. */
export function looksLikeQuote(bytes: Uint8Array): boolean {
  if (bytes.length < QUOTE_HEADER_LENGTH) return false;
  if (INTEL_QE_VENDOR_ID.every((byte, index) => bytes[12 + index] === byte)) return true;
  const view = new DataView(bytes.buffer, bytes.byteOffset, QUOTE_HEADER_LENGTH);
  const version = view.getUint16(0, true);
  const keyType = view.getUint16(2, true);
  const teeType = view.getUint32(4, true);
  return (
    version >= 3 && version <= 5 && (keyType === 2 || keyType === 3) && (teeType === TEE_TYPE_SGX || teeType === TEE_TYPE_TDX)
  );
}

/** The TEE type in the header of a quote that {@link quoteBytes} found. */
export function quoteTeeType(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, QUOTE_HEADER_LENGTH).getUint32(4, true);
}

function isText(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes.every((byte) => byte < 0x7f && (byte > 0x20 || byte === 0x20 || (byte >= 9 && byte <= 13)));
}

function fromHex(text: string): Uint8Array | null {
  try {
    return decodeHex(text);
  } catch {
    return null;
  }
}

function fromBase64(text: string): Uint8Array | null {
  try {
    return decodeBase64(text.padEnd(Math.ceil(text.length / 4) * 4, '='));
  } catch {
    return null;
  }
}

function brokenText(encoding: string): never {
  throw new AttestationError('dcap/quote-malformed', `expected ${encoding} to the end of the quote, got other characters`);
}
