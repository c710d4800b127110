/**
 * What only the operator may do. Its key is another than the clients' (`ASSAY_OPERATOR_KEY`), and it opens nothing else: it cannot read
 * tasks, answers or receipts. The key was checked by authority.ts.
 */

import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { Api } from '../api.ts';
import { readBytes } from '../request-body.ts';
import { json, route } from '../route.ts';
import { rotatedSchema } from '../schemas/status.ts';
import type { Services } from './services.ts';

const MAX_BODY_BYTES = 1024;

const rotateKeys = route({
  method: 'post',
  path: '/api/operator/rotate-keys',
  authority: 'operator',
  tag: 'operator',
  summary: 'Put the next keyset in force; overlap_seconds 0 ends the old keys at once',
  body: {
    required: false,
    content: { 'application/json': z.strictObject({ overlap_seconds: z.number().int().min(0).optional() }) },
  },
  answers: { 200: json(rotatedSchema, 'the new keyset and when the old one ends') },
  errors: {
    400: 'bad input',
    401: 'no operator key, or a wrong one',
    409: 'too many keysets are alive',
    503: 'the TEE gives no evidence',
  },
});

export function operatorRoutes(api: Api, services: Services): void {
  api.on(rotateKeys, async ({ c, reply }) => {
    const body = await readBytes(c.req.raw, MAX_BODY_BYTES);
    const { keysetDigest, previousDigest, previousEndsAt } = await services.rotation.rotate(overlapOf(body));
    return reply(200, { keyset_digest: keysetDigest, previous_digest: previousDigest, previous_ends_at: previousEndsAt });
  });
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
