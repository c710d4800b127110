/** API keys: the operator adds, lists and revokes them and sees what all of them used; each key sees what it used itself (docs/keys.md). */

import type { ApiKey, DayUsage } from '@assay/ledger';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { Api } from '../api.ts';
import { readBytes } from '../request-body.ts';
import { json, route } from '../route.ts';
import { addedKeySchema, keyListSchema, keySchema, newKeySchema, usageReportSchema, usageSchema } from '../schemas/keys.ts';
import { wholeParameter } from '../schemas/parameters.ts';
import type { Services } from './services.ts';

const MAX_BODY_BYTES = 16 * 1024;
const MOST_DAYS = 400;
const NO_STORE = { 'cache-control': 'no-store' };
const operator = { authority: 'operator', tag: 'keys' } as const;
const DENIED = { 401: 'no operator key, or a wrong one' };

const lastDays = z.object({
  days: wholeParameter({
    least: 1,
    most: MOST_DAYS,
    refuse: (given) => `expected days from 1 to ${MOST_DAYS}, got ${given}; leave it out for 30`,
  }).describe('how many UTC days, today included'),
});

const add = route({
  ...operator,
  method: 'post',
  path: '/api/operator/keys',
  summary: 'Add an API key; it is told in this answer alone',
  body: { required: true, content: { 'application/json': newKeySchema } },
  answers: { 200: json(addedKeySchema, 'the key') },
  errors: { 400: 'bad input', ...DENIED, 409: 'the name is taken, or there are too many keys' },
});

const list = route({
  ...operator,
  method: 'get',
  path: '/api/operator/keys',
  summary: 'API keys, newest first, revoked ones too; never the keys themselves',
  answers: { 200: json(keyListSchema, 'keys') },
  errors: DENIED,
});

const revoke = route({
  ...operator,
  method: 'delete',
  path: '/api/operator/keys/{name}',
  summary: 'Revoke an API key; what it made stays sealed and logged',
  params: z.object({ name: z.string() }),
  answers: { 200: json(keySchema, 'the revoked key') },
  errors: { ...DENIED, 404: 'no such key' },
});

const report = route({
  ...operator,
  method: 'get',
  path: '/api/operator/usage',
  summary: 'What each key used, by day',
  query: lastDays,
  answers: { 200: json(usageReportSchema, 'report') },
  errors: { 400: 'bad parameter', ...DENIED },
});

const own = route({
  method: 'get',
  path: '/api/usage',
  authority: 'key',
  metered: false,
  tag: 'keys',
  summary: 'What your key may do, and what it used, by day',
  query: lastDays,
  answers: { 200: json(usageSchema, 'usage') },
  errors: { 400: 'bad parameter', 404: 'this agent asks for no key' },
});

export function keyRoutes(api: Api, services: Services): void {
  const { keys } = services.ledger;
  api.on(add, async ({ c, reply }) => {
    const { key, added } = await keys.add(newKeyIn(await readBytes(c.req.raw, MAX_BODY_BYTES)));
    return reply(200, { ...described(added), key }, NO_STORE);
  });
  api.on(list, async ({ reply }) => reply(200, { keys: (await keys.list()).map(described) }, NO_STORE));
  api.on(revoke, async ({ params, reply }) => reply(200, described(await keys.revoke(params.name)), NO_STORE));
  api.on(report, async ({ query, reply }) => {
    const names = new Map((await keys.list()).map(({ access, name }) => [access, name]));
    const { first } = services.callers;
    if (first !== null) names.set(first.access, first.name);
    const usage = await keys.usage({ days: query.days ?? 30 });
    return reply(200, { usage: usage.map((day) => ({ name: names.get(day.access) ?? null, ...counts(day) })) }, NO_STORE);
  });
  api.on(own, async ({ c, query, reply }) => {
    const caller = c.get('caller');
    if (caller === null) throw new ServerError('http/not-found', 'this agent asks for no key, so that nothing is counted');
    const { access, name, scopes, quotas } = caller;
    const days = await keys.usage({ days: query.days ?? 30, access });
    return reply(200, { name, scopes: [...scopes], quotas: { ...quotas }, days: days.map(counts) }, NO_STORE);
  });
}

function described({ name, scopes, quotas, createdAt, revokedAt }: ApiKey) {
  const time = (at: number): string => new Date(at).toISOString();
  return {
    name,
    scopes: [...scopes],
    quotas: { ...quotas },
    created_at: time(createdAt),
    revoked_at: revokedAt === null ? null : time(revokedAt),
  };
}

function counts({ day, requests, tasks, tokens, bytes }: DayUsage) {
  return { day, requests, tasks, tokens, bytes };
}

/** @throws {ServerError} `http/bad-json`, `http/bad-parameter`. */
function newKeyIn(body: Uint8Array): z.output<typeof newKeySchema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new ServerError('http/bad-json', 'the body is not valid JSON; send {"name": "…"} with scopes and quotas if wanted', {
      cause,
    });
  }
  const checked = newKeySchema.safeParse(value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new ServerError('http/bad-parameter', `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'malformed'}`);
}
