/** Errors of the agent itself in the shape of OpenAI's API, for every path below `/v1/`: its clients read no other. */

import type { Problem } from './problem.ts';

const TYPES: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'permission_error',
  404: 'not_found',
  429: 'rate_limit_error',
};

/**
 * The same problem as OpenAI's clients read it. `code` is the agent's own (docs/errors.md).
 * @example openAiProblem(problemOf(new ServerError('http/not-found', 'no such model'), requestId)).body.error // { type: 'not_found', … }
 */
export function openAiProblem({ status, headers, body }: Problem): Problem {
  const type = TYPES[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
  const { detail, code, request_id } = body;
  return { status, headers, body: { error: { message: detail, type, param: null, code }, request_id } };
}

/** Whether a path belongs to OpenAI's API; those of `aci/1` answer problems. */
export function isOpenAiPath(path: string): boolean {
  return (path === '/v1' || path.startsWith('/v1/')) && !path.startsWith('/v1/aci/');
}

/** The problem as a response to a client of OpenAI's API. */
export function openAiProblemResponse(problem: Problem): Response {
  const { status, headers, body } = openAiProblem(problem);
  return Response.json(body, { status, headers: { ...headers, 'cache-control': 'no-store' } });
}
