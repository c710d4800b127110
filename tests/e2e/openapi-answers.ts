/** Holds answers against the document that the agent serves about itself: status, media type, and every member of a JSON body. */

import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';

type Json = Readonly<Record<string, unknown>>;

interface Answers {
  readonly [status: string]: { readonly content?: Readonly<Record<string, { readonly schema: object }>> };
}

/** The part of an OpenAPI document that answers are checked against. */
export interface ApiDocument extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Answers }>>>>;
}

/** Says what is wrong with an answer; empty when it is as declared. */
export type CheckAnswer = (route: string, response: Response) => Promise<readonly string[]>;

/** @param document - as `/openapi.json` has it. */
export function answerChecker(document: ApiDocument): CheckAnswer {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(closed(document) as Json, 'api');
  return async (route, response) => {
    const [method = '', path = ''] = route.split(' ');
    const { responses } = document.paths[path]?.[method.toLowerCase()] ?? {};
    if (responses === undefined) return [`${route} is not in the document`];
    const status = String(response.status) in responses ? String(response.status) : 'default';
    const content = responses[status]?.content ?? {};
    const [mediaType = ''] = (response.headers.get('content-type') ?? '').split(';');
    if (Object.keys(content).length === 0) return [];
    if (content[mediaType] === undefined && content['*/*'] === undefined)
      return [`${response.status} ${mediaType}, expected ${Object.keys(content).join(' or ')}`];
    if (!/^application\/(?:problem\+)?json$/.test(mediaType)) return [];
    const pointer = ['paths', path, method.toLowerCase(), 'responses', status, 'content', mediaType, 'schema'];
    const validate = ajv.compile({ $ref: `api#/${pointer.map(escaped).join('/')}` });
    return validate(await response.json()) ? [] : (validate.errors ?? []).map(sentence);
  };
}

const escaped = (name: string): string => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));

const sentence = ({ instancePath, message, params }: ErrorObject): string =>
  `${instancePath === '' ? 'the answer' : instancePath} ${message} ${JSON.stringify(params)}`;

/** The document with every object closed that does not say what else may be in it, so that a member that nobody declared is found. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closed(member)]));
  const open = 'properties' in members && members.type === 'object' && !('additionalProperties' in members);
  return open ? { ...members, additionalProperties: false } : members;
}
