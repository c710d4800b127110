/**
 * `assay-proof/1` for signed answers (spec/proof.md): one file with the report, its nonce and collateral, the signature, and the
 * exchange as hashes or as bytes, so that anybody verifies it offline. Not proved: when it happened; `time` is the keeper's word.
 */

import { formatInstant, parseInstant } from '@assay/attestation/appraisal/instant';
import { AttestationError } from '@assay/attestation/errors';
import { endorsementFiles, packCollateral } from '@assay/attestation/evidence/collateral-pack';
import {
  type AnswerSignature,
  parseAnswerSignature,
  verifyAnswerSigner,
} from '@assay/attestation/evidence/combined/answer-signature';
import { collectEndorsements } from '@assay/attestation/evidence/endorsement-files';
import type { Endorsements } from '@assay/attestation/model/endorsements';
import type { Policy } from '@assay/attestation/model/policy';
import type { VerificationResult } from '@assay/attestation/model/result';
import type { Trust } from '@assay/attestation/model/verification';
import { combinedVerifier } from '@assay/attestation/verifier/combined/combined';
import { verify } from '@assay/attestation/verify';
import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { bufferSource, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { UpstreamError } from '../errors.ts';
import { attestedAddress } from './answer-signature.ts';
import { isObject } from './e2ee/clear-text.ts';
import { reportedKeys } from './report.ts';

const FORMAT = 'assay-proof/1';
const SKEW_MS = 300_000;

/** One side of an exchange. */
export interface ProvedBytes {
  /** Lower-case hex SHA-256. */
  readonly hash: string;
  /** `null` where only the hash was kept. */
  readonly bytes: Uint8Array | null;
}

export interface AnswerProof {
  /** Origin of the service. */
  readonly service: string;
  readonly model: string;
  /** When the answer was checked, epoch milliseconds: evidence and collateral are verified as of then. */
  readonly time: number;
  readonly nonce: string;
  /** Exact bytes. */
  readonly report: Uint8Array;
  readonly endorsements: Endorsements;
  /** Exact bytes of the signature document. */
  readonly signature: Uint8Array;
  readonly request: ProvedBytes;
  readonly response: ProvedBytes;
}

/**
 * True for JSON that is such a proof, authentic or not.
 * @example const json = parseJson(bytes); if (isAnswerProof(json)) console.log(parseAnswerProof(json).time)
 */
export function isAnswerProof(json: Json): json is JsonObject {
  return isObject(json) && json.format === FORMAT && 'signature' in json;
}

/**
 * The file, UTF-8 JSON.
 * @example await writeFile('proof.json', encodeAnswerProof(proof))
 */
export function encodeAnswerProof(proof: AnswerProof): Uint8Array {
  const side = ({ hash, bytes }: ProvedBytes): JsonObject => ({
    hash: `sha256:${hash}`,
    ...(bytes === null ? {} : { bytes: encodeBase64(bytes) }),
  });
  return utf8(
    canonicalJson({
      format: FORMAT,
      service: proof.service,
      model: proof.model,
      time: formatInstant(proof.time),
      nonce: proof.nonce,
      report: encodeBase64(proof.report),
      collateral: parseJson(packCollateral(endorsementFiles(proof.endorsements))),
      signature: encodeBase64(proof.signature),
      request: side(proof.request),
      response: side(proof.response),
    }),
  );
}

/**
 * @throws {UpstreamError} `proof/malformed`.
 * @example const proof = parseAnswerProof(parseJson(bytes))
 */
export function parseAnswerProof(json: Json): AnswerProof {
  if (!isAnswerProof(json)) throw malformed(`expected format ${FORMAT} with a signature`);
  const time = parseInstant(text(json, 'time'));
  const nonce = text(json, 'nonce');
  if (time === null) throw malformed('expected an RFC 3339 instant in "time"');
  if (!/^[0-9a-f]{64}$/.test(nonce)) throw malformed('expected 64 lower-case hex digits in "nonce"');
  const collateral = { name: 'collateral', bytes: utf8(canonicalJson(json.collateral ?? {})) };
  return {
    ...{ service: text(json, 'service'), model: text(json, 'model'), time, nonce },
    report: bytesOf(text(json, 'report')),
    endorsements: collectEndorsements([collateral]),
    signature: bytesOf(text(json, 'signature')),
    request: sideOf(json, 'request'),
    response: sideOf(json, 'response'),
  };
}

export interface VerifyProofOptions {
  /** Epoch milliseconds; a proof from later than that is refused. */
  readonly now: number;
  readonly policy?: Policy;
  /** Beside those in the proof. */
  readonly endorsements?: Endorsements;
  readonly trust?: Trust;
}

/** What was hashed to compare with the signed hash: the bytes in the proof, or none, because it carries the hash only. */
export type ComparedSide = { readonly hash: string; readonly from: 'bytes' | 'hash' };

/** What the steps of the verification found. */
export interface ProvedAnswer {
  /** The attested address under which the signature verified, lower-case hex. */
  readonly signer: string;
  readonly request: ComparedSide;
  readonly response: ComparedSide;
}

/** `result` is of the report, as of the proof's time; when it is not authentic, nothing else was asked. */
export type VerifiedAnswerProof = { readonly signature: AnswerSignature } & (
  | { readonly result: Extract<VerificationResult, { readonly claims?: undefined }>; readonly proved: null }
  | { readonly result: Exclude<VerificationResult, { readonly claims?: undefined }>; readonly proved: ProvedAnswer }
);

/**
 * Verifies the report as of the proof's time, then the signature under an address that the report binds, then hashes and bytes.
 * The signature is checked for authentic reports only; anything else comes back as `result` says.
 * @throws {UpstreamError} `proof/…`, `service/address-missing`; {AttestationError} `answer/…`.
 * @example const { result, proved } = await verifyAnswerProof(parseAnswerProof(parseJson(bytes)), { now: Date.now(), policy: STRICT_POLICY })
 */
export async function verifyAnswerProof(proof: AnswerProof, options: VerifyProofOptions): Promise<VerifiedAnswerProof> {
  const { now, policy, endorsements = [], trust } = options;
  if (proof.time > now + SKEW_MS)
    throw new UpstreamError(
      'proof/not-yet-made',
      `expected a proof made before ${formatInstant(now)}, got one of ${formatInstant(proof.time)}; set the clock, or do not use it`,
    );
  const result = await verify(proof.report, {
    now: proof.time,
    expected: { nonce: proof.nonce },
    endorsements: [...proof.endorsements, ...endorsements],
    trust,
    verifiers: [combinedVerifier],
    ...(policy === undefined ? {} : { policy }),
  });
  const signature = parseAnswerSignature(proof.signature);
  if (result.claims === undefined) return { signature, result, proved: null };
  const keys = reportedKeys(result.claims);
  if (keys === null)
    throw new UpstreamError(
      'service/address-missing',
      'expected a report that binds a signing address, got none; nothing shows who signed, do not rely on the answer',
    );
  const proved = {
    signer: await verifyAnswerSigner(signature, attestedAddress(keys.addresses, signature)),
    request: await compare('answer/request-mismatch', 'request', signature.requestHash, proof.request),
    response: await compare('answer/response-mismatch', 'response', signature.responseHash, proof.response),
  };
  return { signature, result, proved };
}

async function compare(
  code: 'answer/request-mismatch' | 'answer/response-mismatch',
  what: string,
  signed: string,
  { hash, bytes }: ProvedBytes,
): Promise<ComparedSide> {
  const actual = bytes === null ? hash : encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(bytes))));
  if (hash === signed && actual === signed) return { hash: actual, from: bytes === null ? 'hash' : 'bytes' };
  throw new AttestationError(code, `expected the ${what} that was signed, got another in the proof; it was changed`, {
    details: { signed, hash, actual },
  });
}

function sideOf(json: JsonObject, name: 'request' | 'response'): ProvedBytes {
  const side = json[name];
  const hash = isObject(side) ? side.hash : undefined;
  if (!isObject(side) || typeof hash !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(hash))
    throw malformed(`expected {"hash":"sha256:…"} in "${name}"`);
  return { hash: hash.slice(7), bytes: typeof side.bytes === 'string' ? bytesOf(side.bytes) : null };
}

function bytesOf(base64: string): Uint8Array {
  try {
    return decodeBase64(base64);
  } catch (cause) {
    throw malformed('expected base64', { cause });
  }
}

function text(json: JsonObject, member: string): string {
  const value = json[member];
  if (typeof value !== 'string' || value === '') throw malformed(`expected text in "${member}"`);
  return value;
}

function malformed(message: string, options: { readonly cause?: unknown } = {}): UpstreamError {
  return new UpstreamError('proof/malformed', `${message} of the proof; save it again`, options);
}
