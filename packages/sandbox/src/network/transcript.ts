/**
 * The transcript of what code fetched through the host: canonical bytes, their digest, and a JSON form for bundles.
 */

import { createHash } from 'node:crypto';
import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { SandboxError } from '../errors.ts';
import type { NetworkExchange, NetworkTranscript } from '../port.ts';

/**
 * JSON form, in the order in which the code asked; bodies as padded base64.
 * @example const text = canonicalJson(transcriptToJson(transcript))
 */
export function transcriptToJson(transcript: NetworkTranscript): readonly JsonObject[] {
  return transcript.map((exchange) => ({
    method: exchange.method,
    url: exchange.url,
    requestHeaders: { ...exchange.requestHeaders },
    requestBody: encodeBase64(exchange.requestBody),
    status: exchange.status,
    responseHeaders: { ...exchange.responseHeaders },
    responseBody: encodeBase64(exchange.responseBody),
  }));
}

/** SHA-256 over the RFC 8785 form of {@link transcriptToJson}, lower-case hex: the claim's `transcriptSha256`. */
export function transcriptDigest(transcript: NetworkTranscript): string {
  return createHash('sha256')
    .update(canonicalJson(transcriptToJson(transcript)))
    .digest('hex');
}

/**
 * Reads the JSON form back.
 *
 * @throws {SandboxError} `sandbox/replay-mismatch` when it is not a transcript.
 * @example const transcript = transcriptFromJson(JSON.parse(text))
 */
export function transcriptFromJson(json: unknown): NetworkTranscript {
  if (!Array.isArray(json)) throw defect('expected a list of exchanges');
  return json.map((entry: unknown, index): NetworkExchange => {
    const at = `exchange ${index}`;
    if (typeof entry !== 'object' || entry === null) throw defect(`${at}: expected an object`);
    const { method, url, requestHeaders, requestBody, status, responseHeaders, responseBody } = entry as Record<
      string,
      unknown
    >;
    if (typeof method !== 'string' || typeof url !== 'string' || typeof status !== 'number') {
      throw defect(`${at}: expected method, url and status`);
    }
    return {
      method,
      url,
      status,
      requestHeaders: headers(requestHeaders, at),
      responseHeaders: headers(responseHeaders, at),
      requestBody: body(requestBody, at),
      responseBody: body(responseBody, at),
    };
  });
}

function headers(value: unknown, at: string): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw defect(`${at}: expected headers as an object`);
  const entries = Object.entries(value);
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string'))
    throw defect(`${at}: expected text headers`);
  return Object.fromEntries(entries);
}

function body(value: unknown, at: string): Uint8Array {
  if (typeof value !== 'string') throw defect(`${at}: expected a base64 body`);
  try {
    return decodeBase64(value);
  } catch (cause) {
    throw defect(`${at}: expected a base64 body`, cause);
  }
}

function defect(message: string, cause?: unknown): SandboxError {
  return new SandboxError('sandbox/replay-mismatch', `not a network transcript: ${message}`, { cause });
}
