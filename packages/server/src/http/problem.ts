/** Errors as clients see them: RFC 9457 problem JSON with the code, and the words the origin used where it had some. */

import { ServerError, type ServerErrorKind } from '../errors.ts';

/** Error kinds of every package; each one maps to a status when its code has none of its own. */
const KIND_STATUS: Readonly<Record<ServerErrorKind, number>> = {
  malformed: 400,
  untrusted: 403,
  unavailable: 503,
  refused: 403,
  misuse: 400,
};

const CODE_STATUS: Readonly<Record<string, number>> = {
  'http/bad-origin': 403,
  'http/body-too-large': 413,
  'http/conflict': 409,
  'http/method-not-allowed': 405,
  'http/not-found': 404,
  'http/rate-limited': 429,
  'http/unauthorized': 401,
  'http/unsupported-media-type': 415,
  'ledger/conflict': 409,
  'ledger/full': 507,
  'ledger/nonce-reused': 409,
  'model/bad-reply': 502,
  'model/rate-limited': 503,
  'model/refused': 422,
  'model/timeout': 504,
  'model/too-large': 502,
  'model/unauthorized': 502,
  'sandbox/allow-invalid': 422,
  'sandbox/code-too-large': 413,
  'sandbox/file-refused': 422,
  'sandbox/limit-invalid': 422,
  'sandbox/limit-too-high': 422,
  'sandbox/language-unavailable': 422,
  'sandbox/session-lost': 410,
  'sandbox/session-mismatch': 409,
  'server/internal': 500,
  'task/bad-input': 422,
  'task/cancelled': 409,
  'task/unknown-type': 422,
  'workspace/bad-path': 422,
  'workspace/full': 507,
  'workspace/not-found': 404,
};

/** What an error looks like from outside. */
export interface Problem {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** HTTP status of an error code. */
export function statusOf(code: string, kind: ServerErrorKind = 'unavailable'): number {
  return CODE_STATUS[code] ?? KIND_STATUS[kind];
}

/** Members of a problem, to be laid beside others in an answer. */
export function problemMembers(code: string, detail: string, status: number): Readonly<Record<string, unknown>> {
  return { type: `urn:assay:error:${code}`, title: titleOf(code), status, detail, code };
}

/**
 * The problem for anything thrown. An error without a code becomes `server/internal` and tells nothing about itself.
 * @example problemOf(new ServerError('http/not-found', 'no such receipt')).status // 404
 */
export function problemOf(error: unknown, requestId: string): Problem {
  const coded = asCoded(error);
  const { code, kind, message, details } = coded ?? {
    code: 'server/internal',
    kind: 'unavailable' as const,
    message: `the agent met an error it did not expect; its log says more under request ${requestId}`,
    details: {},
  };
  const status = statusOf(code, kind);
  const seconds = details.retryAfterSeconds;
  return {
    status,
    headers: {
      ...(typeof seconds === 'number' ? { 'retry-after': String(Math.max(1, Math.ceil(seconds))) } : {}),
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="assay"' } : {}),
    },
    body: {
      ...problemMembers(code, message, status),
      success: false,
      error: message,
      ...(Array.isArray(details.issues) ? { errors: details.issues } : {}),
      ...('requestedType' in details ? { requested_type: details.requestedType } : {}),
      request_id: requestId,
    },
  };
}

/** The problem as a response. */
export function problemResponse(problem: Problem): Response {
  return new Response(JSON.stringify(problem.body), {
    status: problem.status,
    headers: { ...problem.headers, 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  });
}

interface Coded {
  readonly code: string;
  readonly kind: ServerErrorKind;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The errors of every package here carry a code and a kind; nothing else may speak to clients. */
function asCoded(error: unknown): Coded | null {
  if (ServerError.is(error)) return error;
  if (!(error instanceof Error)) return null;
  const { code, kind, details } = error as Error & { code?: unknown; kind?: unknown; details?: unknown };
  if (typeof code !== 'string' || !/^[a-z]+\/[a-z0-9-]+$/.test(code)) return null;
  if (typeof kind !== 'string' || !(kind in KIND_STATUS)) return null;
  return {
    code,
    kind: kind as ServerErrorKind,
    message: error.message,
    details: (details ?? {}) as Readonly<Record<string, unknown>>,
  };
}

function titleOf(code: string): string {
  const words = code.slice(code.indexOf('/') + 1).replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
