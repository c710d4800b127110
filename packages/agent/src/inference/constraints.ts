/**
 * The request body of a prompt endpoint and its serving constraints (ACI §5.3). The `provider` member is ours to read and is not
 * forwarded when only constraints are in it; unknown `aci_` members are refused, never ignored.
 */

import { utf8 } from '@assay/encoding/bytes';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { InferenceError } from './inference-error.ts';

export interface PromptRequest {
  /** Model id the client asked for. */
  readonly model: string;
  readonly stream: boolean;
  readonly verifiedOnly: boolean;
  /** Session ids the client accepts; `null` for any. */
  readonly sessionIds: readonly string[] | null;
  /** What goes upstream: the received bytes when nothing had to change. */
  forwardedBody(model: string): Uint8Array;
}

/** The id goes into the receipt. UTF-16 code units. */
const MAX_MODEL_ID = 256;
const SESSION_ID = /^[0-9a-f]{64}$/;

/** @throws {InferenceError} `invalid_request_error`. */
export function readPromptRequest(bytes: Uint8Array): PromptRequest {
  const { request, ...prompt } = readConstrained(bytes, null);
  if (request.model === undefined || request.model === null) throw invalid('model: expected the id of a model', 'model');
  return prompt;
}

/**
 * A request with what it says to this agent taken out of it.
 * @param translate - makes the body that goes upstream; `null`: the received bytes, when nothing has to change.
 * @throws {InferenceError} `invalid_request_error`.
 */
export function readConstrained(
  bytes: Uint8Array,
  translate: ((request: JsonObject) => JsonObject) | null,
): PromptRequest & { readonly request: JsonObject } {
  const request = parse(bytes);
  const { stream, provider } = request;
  const model = request.model ?? 'default';
  if (typeof model !== 'string' || model === '') throw invalid('model: expected the id of a model', 'model');
  if (model.length > MAX_MODEL_ID)
    throw invalid(`model: expected an id of at most ${MAX_MODEL_ID} characters, got ${model.length}`, 'model');
  // OpenAI's schema lets every optional member be null.
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
    throw invalid('stream: expected true or false', 'stream');
  const constraints = readConstraints(provider);
  const forwarded = translate === null ? request : translate(request);
  return {
    request,
    model,
    stream: stream === true,
    ...constraints,
    forwardedBody: (forwardedModel) => {
      if (translate === null && forwardedModel === model && !constrains(provider)) return bytes;
      const { provider: _, ...rest } = forwarded;
      const kept = withoutConstraints(provider);
      return utf8(JSON.stringify({ ...rest, model: forwardedModel, ...(kept === null ? {} : { provider: kept }) }));
    },
  };
}

function parse(bytes: Uint8Array): JsonObject {
  let json: Json;
  try {
    json = parseJson(bytes, { maxBytes: bytes.length, maxDepth: 64 });
  } catch (cause) {
    throw invalid(`the body is not valid JSON: ${cause instanceof Error ? cause.message : 'malformed'}`, null);
  }
  if (!isObject(json)) throw invalid('expected a JSON object', null);
  return json;
}

function readConstraints(provider: Json | undefined): Pick<PromptRequest, 'verifiedOnly' | 'sessionIds'> {
  if (!isObject(provider)) return { verifiedOnly: false, sessionIds: null };
  const unknown = Object.keys(provider).find(
    (name) => name.startsWith('aci_') && name !== 'aci_verified' && name !== 'aci_session_ids',
  );
  if (unknown !== undefined) throw invalid(`provider.${unknown}: unknown serving constraint`, `provider.${unknown}`);
  const { aci_verified: verified, aci_session_ids: ids } = provider;
  if (verified !== undefined && verified !== null && typeof verified !== 'boolean')
    throw invalid('provider.aci_verified: expected true or false', 'provider.aci_verified');
  if (ids === undefined || ids === null) return { verifiedOnly: verified === true, sessionIds: null };
  const list = Array.isArray(ids) ? (ids as readonly Json[]) : [];
  const valid = list.filter((id): id is string => typeof id === 'string' && SESSION_ID.test(id));
  if (valid.length === 0 || valid.length !== list.length) {
    throw invalid('provider.aci_session_ids: expected at least one session id of 64 hex digits', 'provider.aci_session_ids');
  }
  if (verified === false) throw invalid('provider: aci_session_ids and aci_verified false contradict each other', 'provider');
  return { verifiedOnly: true, sessionIds: valid };
}

function constrains(provider: Json | undefined): boolean {
  return isObject(provider) && Object.keys(provider).some((name) => name.startsWith('aci_'));
}

function withoutConstraints(provider: Json | undefined): Json | null {
  if (!isObject(provider)) return provider ?? null;
  const kept = Object.entries(provider).filter(([name]) => !name.startsWith('aci_'));
  return kept.length === 0 ? null : Object.fromEntries(kept);
}

function invalid(message: string, param: string | null): InferenceError {
  return new InferenceError(400, 'invalid_request_error', message, param);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
