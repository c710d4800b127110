/** Errors as clients see them: RFC 9457 problem JSON with the code, and the words the origin used where it had some. */

import { isCoded } from '@assay/encoding/coded-error';
import { problemMembers, statusOf } from '../error-status.ts';
import { ServerError } from '../errors.ts';
import { retryAfterHeader, retryAfterOf } from '../retry-after.ts';

/** What an error looks like from outside. */
export interface Problem {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The problem for anything thrown. An error without a code becomes `server/internal` and tells nothing about itself.
 * @example problemOf(new ServerError('http/not-found', 'no such receipt'), requestId).status // 404
 */
export function problemOf(error: unknown, requestId: string): Problem {
  const unexpected = `the agent met an error it did not expect; its log says more under request ${requestId}`;
  const { code, kind, message, details } = isCoded(error) ? error : new ServerError('server/internal', unexpected);
  const status = statusOf(code, kind);
  return {
    status,
    headers: {
      ...retryAfterHeader(retryAfterOf({ code, details })),
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
