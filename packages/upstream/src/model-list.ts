/** The list of models that a service serves (`GET /v1/models` of OpenAI's API). */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { type Json, parseJson } from '@assay/encoding/json';
import { type AttestedService, fetchBytes } from './attested-service.ts';
import { UpstreamError } from './errors.ts';
import type { AttestedSession } from './session.ts';

const PATH = '/v1/models';
const MAX_LIST_BYTES = 4 * 1024 * 1024;

/**
 * Ids of the models, over a session; empty when the service lists none.
 * @throws as {@link AttestedSession.get}.
 * @example const [first] = await listModels(session)
 */
export async function listModels(session: AttestedSession, signal?: AbortSignal): Promise<readonly string[]> {
  const response = await session.get(PATH, signal);
  if (!response.ok) return [];
  return idsIn(await readAtMost(response.body, { most: MAX_LIST_BYTES, what: `${session.origin}${PATH}` }));
}

/**
 * The first model of a service that is not verified yet; no key goes along unless `keyBeforeVerdict` says so.
 * @throws {UpstreamError} `service/unreachable`, `service/refused`.
 * @example const opening = await sessions.open(await firstModel(service))
 */
export async function firstModel(service: AttestedService): Promise<string> {
  const apiKey = service.keyBeforeVerdict === true ? service.apiKey : null;
  const advice = `name one: ${service.base}/?model=…`;
  const list = await fetchBytes({ ...service, apiKey }, PATH, MAX_LIST_BYTES).catch((cause: unknown) => {
    if (!UpstreamError.is(cause) || cause.code !== 'service/refused') throw cause;
    throw new UpstreamError('service/refused', `${cause.message}; or ${advice}`, { cause, details: cause.details });
  });
  const [first] = idsIn(list);
  if (first !== undefined) return first;
  throw new UpstreamError('service/refused', `expected a list of models from ${service.base}, got one without any; ${advice}`);
}

function idsIn(bytes: Uint8Array): readonly string[] {
  let list: Json;
  try {
    list = parseJson(bytes);
  } catch {
    return [];
  }
  const { data } = typeof list === 'object' && list !== null && !Array.isArray(list) && 'data' in list ? list : { data: [] };
  if (!Array.isArray(data)) return [];
  return data.flatMap((each) => {
    const id = typeof each === 'object' && each !== null && 'id' in each ? each.id : null;
    return typeof id === 'string' ? [id] : [];
  });
}
