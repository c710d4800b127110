/**
 * What only the operator may do. Its key is another than the clients' (`ASSAY_OPERATOR_KEY`), and it opens nothing else: it cannot read
 * tasks, answers or receipts. The key was checked by authority.ts.
 */

import { Hono } from 'hono';
import { ServerError } from '../../errors.ts';
import type { AppEnv } from '../environment.ts';
import { readBytes } from '../request-body.ts';
import type { Services } from './services.ts';

const MAX_BODY_BYTES = 1024;

export function operatorRoutes(services: Services): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.post('/api/operator/rotate-keys', async (c) => {
    const body = await readBytes(c.req.raw, MAX_BODY_BYTES);
    const rotated = await services.rotation.rotate(overlapOf(body));
    const { keysetDigest, previousDigest, previousEndsAt } = rotated;
    return c.json({ keyset_digest: keysetDigest, previous_digest: previousDigest, previous_ends_at: previousEndsAt });
  });
  return app;
}

/** `{"overlap_seconds": n}`; `undefined` for an empty body or object. */
function overlapOf(body: Uint8Array): number | undefined {
  const refused = () =>
    new ServerError('http/bad-parameter', 'expected {"overlap_seconds": a whole number from 0}, or an empty body');
  if (body.length === 0) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw refused();
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused();
  const { overlap_seconds: overlap, ...others } = value as { readonly overlap_seconds?: unknown };
  if (Object.keys(others).length > 0) throw refused();
  if (overlap === undefined) return undefined;
  if (typeof overlap !== 'number' || !Number.isSafeInteger(overlap) || overlap < 0) throw refused();
  return overlap;
}
