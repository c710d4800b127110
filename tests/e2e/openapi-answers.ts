/** Holds requests and answers against the document that the agent serves about itself: status, media type, every member of JSON. */

import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';

type Json = Readonly<Record<string, unknown>>;

interface Body {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Operation {
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body>>;
}

/** The part of an OpenAPI document that answers are checked against. */
export interface ApiDocument extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Each says what is wrong; empty when all is as declared. */
export interface ApiChecker {
  answer(route: string, response: Response): Promise<readonly string[]>;
  /** @param json - the body that is about to be sent. */
  request(route: string, json: unknown): readonly string[];
}

/** @param document - as `/openapi.json` has it. */
export function apiChecker(document: ApiDocument): ApiChecker {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(closed(document) as Json, 'api');
  const validate = (pointer: readonly string[], value: unknown): readonly string[] => {
    const schema = ajv.compile({ $ref: `api#/${pointer.map(escaped).join('/')}` });
    return schema(value) ? [] : (schema.errors ?? []).map(sentence);
  };
  const find = (route: string): { readonly operation: Operation | undefined; readonly pointer: readonly string[] } => {
    const [method = '', path = ''] = route.split(' ');
    const name = method.toLowerCase();
    return { operation: document.paths[path]?.[name], pointer: ['paths', path, name] };
  };
  return {
    request(route, json) {
      const { operation, pointer } = find(route);
      if (operation?.requestBody?.content?.['application/json'] === undefined) return [`${route} takes no JSON`];
      return validate([...pointer, 'requestBody', 'content', 'application/json', 'schema'], json);
    },
    async answer(route, response) {
      const { operation, pointer } = find(route);
      if (operation === undefined) return [`${route} is not in the document`];
      const status = String(response.status) in operation.responses ? String(response.status) : 'default';
      const content = operation.responses[status]?.content ?? {};
      const [mediaType = ''] = (response.headers.get('content-type') ?? '').split(';');
      if (Object.keys(content).length === 0) return [];
      if (content[mediaType] === undefined && content['*/*'] === undefined)
        return [`${response.status} ${mediaType}, expected ${Object.keys(content).join(' or ')}`];
      if (!/^application\/(?:problem\+)?json$/.test(mediaType)) return [];
      return validate([...pointer, 'responses', status, 'content', mediaType, 'schema'], await response.json());
    },
  };
}

const escaped = (name: string): string => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));

const sentence = ({ instancePath, message, params }: ErrorObject): string =>
  `${instancePath === '' ? 'the answer' : instancePath} ${message} ${JSON.stringify(params)}`;

/** The document with every object closed that does not say what else may be in it, so that an undeclared member is found. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closed(member)]));
  const open = 'properties' in members && members.type === 'object' && !('additionalProperties' in members);
  return open ? { ...members, additionalProperties: false } : members;
}
