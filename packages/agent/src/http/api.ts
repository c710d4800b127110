/**
 * The routes of one agent. A declaration and its handler come in together, so that no route is without authority, schemas or a name;
 * parameters are checked before the handler runs.
 */

import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context, Handler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { z } from 'zod';
import { ServerError } from '../errors.ts';
import { heldAnswer } from './answers.ts';
import type { AppEnv } from './environment.ts';
import { documentRoute } from './openapi.ts';
import { nameOf, type Parameters, patternOf, type Route, type RouteName, type Sent } from './route.ts';

type ParametersOf<P> = P extends Parameters ? z.output<P> : Record<never, never>;

/** The JSON that an answer of this status has. */
type JsonOf<R extends Route, Status extends keyof R['answers']> = R['answers'][Status] extends {
  readonly content: { readonly 'application/json': infer Schema extends z.ZodType };
}
  ? Sent<z.output<Schema>>
  : never;

/** One request, with what its route declares. */
export interface Asked<R extends Route> {
  readonly c: Context<AppEnv>;
  readonly params: ParametersOf<R['params']>;
  readonly query: ParametersOf<R['query']>;
  /** An answer in JSON, of the shape that the route declares for its status. */
  reply<Status extends keyof R['answers'] & ContentfulStatusCode>(
    status: Status,
    body: JsonOf<R, Status>,
    headers?: Readonly<Record<string, string>>,
  ): Response;
}

/** A route as the router lists it. */
interface ListedRoute {
  readonly method: string;
  readonly path: string;
}

export class Api {
  readonly app: OpenAPIHono<AppEnv>;
  /** Method and pattern, as the router lists them → declaration. */
  readonly #routes = new Map<string, Route>();

  constructor() {
    this.app = new OpenAPIHono<AppEnv>({ defaultHook: refuseParameters });
  }

  /** Every route, in the order in which they were mounted. */
  get routes(): readonly Route[] {
    return [...this.#routes.values()];
  }

  /** Mounts a route. */
  on<R extends Route>(declaration: R, handler: (asked: Asked<R>) => Response | Promise<Response>): void {
    const path = patternOf(declaration.path);
    this.#routes.set(`${declaration.method.toUpperCase()} ${path}`, declaration);
    documentRoute(this.app.openAPIRegistry, declaration);
    const { method, params, query } = declaration;
    const handle: Handler<AppEnv> = (c) => handler(askedOf<R>(c, declaration));
    // The document is written above, from the declaration: the router's pattern is not OpenAPI's.
    this.app.openapi({ method, path, hide: true, request: { params, query }, responses: {} }, handle as never);
  }

  /** The route that answers a request, among what matched it; `null` when only middleware did. */
  find(matched: readonly ListedRoute[]): Route | null {
    for (const { method, path } of matched) {
      const found = this.#routes.get(`${method} ${path}`);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** The name of the route that matched, or `other`: a stranger's words never become labels. */
  labelOf(matched: readonly ListedRoute[]): RouteName | 'other' {
    const found = this.find(matched);
    return found === null ? 'other' : nameOf(found);
  }

  /** Whether some route answers at a path, by whatever method. */
  knows(path: string): boolean {
    return this.routes.some(({ method }) => {
      const [matched] = this.app.router.match(method.toUpperCase(), path);
      return this.find(matched.map(([[, listed]]) => listed)) !== null;
    });
  }
}

function askedOf<R extends Route>(c: Context<AppEnv>, { params, query }: Route): Asked<R> {
  const valid = (where: 'param' | 'query'): unknown => (c.req as unknown as { valid(from: string): unknown }).valid(where);
  return {
    c,
    // Checked by the schemas of this very declaration.
    params: (params === undefined ? {} : valid('param')) as ParametersOf<R['params']>,
    query: (query === undefined ? {} : valid('query')) as ParametersOf<R['query']>,
    reply: (status, body, headers = {}) =>
      heldAnswer(JSON.stringify(body), {
        status: status as ContentfulStatusCode,
        headers: { 'content-type': 'application/json', ...headers },
      }),
  };
}

/** @throws {ServerError} `http/bad-parameter`. */
function refuseParameters(result: { readonly success: boolean; readonly error?: z.ZodError }): void {
  const issue = result.error?.issues[0];
  if (!result.success)
    throw new ServerError('http/bad-parameter', `${issue?.path.join('.') ?? 'query'}: ${issue?.message ?? 'malformed'}`);
}
