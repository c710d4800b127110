/**
 * Counts what keys use (docs/keys.md): a request and its bytes here, tasks and tokens where they begin and end. A request that a quota has
 * no room for is refused before its body is read.
 */

import type { ApiKeys } from '@assay/ledger';
import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Api } from './api.ts';
import { scopeOf } from './callers.ts';
import type { AppEnv } from './environment.ts';
import { bytesReadOf } from './held-bodies.ts';

export interface MeteringOptions {
  readonly routeOf: Api['find'];
  readonly keys: Pick<ApiKeys, 'admit' | 'spend'>;
}

/** For routes that need a key, and requests that have one. Answers that stream are counted as they go. */
export function metering({ routeOf, keys }: MeteringOptions): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const caller = c.get('caller');
    const route = routeOf(matchedRoutes(c));
    if (caller === null || route?.authority !== 'key' || route.metered === false) return next();
    await keys.admit(caller, { requests: 1 }, scopeOf(route) === 'infer' ? ['bytes', 'tokens'] : ['bytes']);
    const count = (bytes: number): void => keys.spend(caller.access, { bytes });
    await next();
    count(bytesReadOf(c.req.raw));
    const length = c.res.headers.get('content-length');
    if (length !== null) count(Number(length));
    else if (c.res.body !== null) c.res = new Response(counted(c.res.body, count), c.res);
  };
}

function counted(body: ReadableStream<Uint8Array>, count: (bytes: number) => void): ReadableStream<Uint8Array> {
  return body.pipeThrough(
    new TransformStream({
      transform: (piece, controller) => {
        count(piece.length);
        controller.enqueue(piece);
      },
    }),
  );
}
