/** `/openapi.json`: the declared routes as OpenAPI 3.1. */

import type { OpenAPIHono } from '@hono/zod-openapi';
import type { AppEnv } from './environment.ts';
import { isOpenAiPath } from './openai-problem.ts';
import { type Authority, type Content, type Route, templateOf } from './route.ts';
import { openAiErrorSchema, problemSchema } from './schemas/problem.ts';

type Registry = OpenAPIHono<AppEnv>['openAPIRegistry'];

/** What a request must show, by authority. */
const SECURITY: Readonly<Record<Authority, Record<string, string[]>[]>> = {
  public: [],
  key: [{ bearer: [] }, { apiKey: [] }],
  operator: [{ operatorKey: [] }],
};

const SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer' },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
  operatorKey: { type: 'apiKey', in: 'header', name: 'X-Operator-Key' },
} as const;

/** Adds a route to the document. */
export function documentRoute(registry: Registry, route: Route): void {
  const { method, path, tag, summary, authority, params, query, body, answers, errors = {} } = route;
  const problem = problemContent(path);
  registry.registerPath({
    method,
    path: templateOf(path),
    operationId: operationId(route),
    tags: [tag],
    summary,
    security: SECURITY[authority],
    request: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { query }),
      ...(body === undefined ? {} : { body: { required: body.required, content: contentOf(body.content) } }),
    },
    responses: {
      ...mapValues(answers, ({ description, content }) => ({ description, content: contentOf(content) })),
      ...mapValues(errors, (description) => ({ description, content: problem })),
      default: { description: 'another problem; docs/errors.md lists the codes', content: problem },
    },
  });
}

/** `identifier` is of OpenAPI 3.1. */
const LICENSE = { name: 'Apache-2.0', identifier: 'Apache-2.0' };

/** The whole document. */
export function openApiDocument(app: OpenAPIHono<AppEnv>, version: string): object {
  for (const [name, scheme] of Object.entries(SCHEMES)) app.openAPIRegistry.registerComponent('securitySchemes', name, scheme);
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Assay',
      version,
      description: 'An AI agent whose every answer carries a signed, logged, checkable receipt.',
      license: LICENSE,
    },
  });
}

/** `get_api_tasks_id`. */
function operationId({ method, path }: Route): string {
  return [method, ...path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')].join('_');
}

function problemContent(path: string) {
  if (isOpenAiPath(path)) return contentOf({ 'application/json': openAiErrorSchema });
  return contentOf({ 'application/problem+json': problemSchema });
}

function contentOf(content: Content) {
  return mapValues(content, (schema) => ({ schema }));
}

function mapValues<Value, Mapped>(
  from: Readonly<Record<string, Value>>,
  map: (value: Value) => Mapped,
): Record<string, Mapped> {
  return Object.fromEntries(Object.entries(from).map(([name, value]) => [name, map(value)]));
}
