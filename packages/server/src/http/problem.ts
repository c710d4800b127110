/** Errors as clients see them: RFC 9457 problem JSON with the code, and the words the origin used where it had some. */

import { problemMembers, statusOf } from '../error-status.ts';
import { ServerError, type ServerErrorKind } from '../errors.ts';

const KINDS: ReadonlySet<string> = new Set<ServerErrorKind>(['malformed', 'untrusted', 'unavailable', 'refused', 'misuse']);

/** What an error looks like from outside. */
export interface Problem {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
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
  if (typeof kind !== 'string' || !KINDS.has(kind)) return null;
  return {
    code,
    kind: kind as ServerErrorKind,
    message: error.message,
    details: (details ?? {}) as Readonly<Record<string, unknown>>,
  };
}
