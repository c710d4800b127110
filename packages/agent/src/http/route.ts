/**
 * What a route is: method and path, who may call it, what it takes and what it answers, declared once. `api.ts` mounts declarations;
 * authority, metric names and `/openapi.json` are read from them.
 */

import type { KeyScope } from '@assay/ledger';
import type { z } from 'zod';

/**
 * Who may call a route.
 *
 * - `public`: proves the agent or opens a channel to it; holds nothing of anyone's task.
 * - `key`: starts work or shows it. Needs an API key once there is one. Receipts, tasks and bundles moreover belong to the key that
 *   asked for them.
 * - `operator`: needs `ASSAY_OPERATOR_KEY`, which opens nothing else.
 */
export type Authority = 'public' | 'key' | 'operator';

/** Media type → schema of what is sent under it. */
export type Content = Readonly<Record<string, z.ZodType>>;

/** One kind of answer. */
export interface RouteAnswer {
  readonly description: string;
  readonly content: Content;
}

/** Schemas of a path's parameters or of a query. */
export type Parameters = z.ZodObject;

export interface Route {
  readonly method: 'get' | 'post' | 'delete';
  /** `/api/tasks/{id}`; a parameter `{path+}` takes the rest of the path, slashes included. */
  readonly path: string;
  readonly authority: Authority;
  /** What a key must be allowed to do; `read` for GET and `work` for others when left out. */
  readonly scope?: KeyScope;
  /** `false`: counts for no quota. */
  readonly metered?: false;
  /** Heading under which documents list it. */
  readonly tag: string;
  readonly summary: string;
  readonly params?: Parameters;
  readonly query?: Parameters;
  /** What the handler reads and checks itself, because receipts hash the exact bytes. */
  readonly body?: { readonly required: boolean; readonly content: Content };
  /** Status → answer. Errors of every route are problems and are not listed; `errors` says which to expect. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
  /** Status → when it comes. */
  readonly errors?: Readonly<Record<number, string>>;
}

/** `GET /api/tasks/{id}`: labels metrics, and names the route in tests. */
export type RouteName = `${Uppercase<Route['method']>} ${string}`;

/** A value as it may be sent: read-only members will do. */
export type Sent<T> = T extends readonly (infer Item)[]
  ? readonly Sent<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]: Sent<T[Name]> }
    : T;

/** The declaration as it is, with its schemas' types. */
export function route<const R extends Route>(declaration: R): R {
  return declaration;
}

/** A JSON answer. */
export function json<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
): { readonly description: string; readonly content: { readonly 'application/json': Schema } } {
  return { description, content: { 'application/json': schema } };
}

/** The name of a route. */
export function nameOf({ method, path }: Route): RouteName {
  return `${method.toUpperCase() as Uppercase<Route['method']>} ${templateOf(path)}`;
}

/** The path as documents write it. */
export function templateOf(path: string): string {
  return path.replaceAll('+}', '}');
}

/** The path as the router takes it. */
export function patternOf(path: string): string {
  return path.replaceAll(/\{([a-z]+)\}/g, ':$1').replaceAll(/\{([a-z]+)\+\}/g, ':$1{.+}');
}
