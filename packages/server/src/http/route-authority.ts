/**
 * Who may call which route, in one table. The middleware of `authority.ts` enforces it for the route that the router matched, metrics
 * take their labels from it, and a test holds it against the routes that are registered, both ways. A request that no row covers
 * needs the API key.
 *
 * - `public`: proves the agent or opens a channel to it; holds nothing of anyone's task.
 * - `key`: starts work or shows it. Needs `ASSAY_API_KEY` when one is set. Receipts, tasks and bundles moreover belong to the key that
 *   asked for them.
 * - `operator`: needs `ASSAY_OPERATOR_KEY`, which opens nothing else.
 */

export type Authority = 'public' | 'key' | 'operator';

/** Method and pattern as registered with the router → who may call it. */
export const ROUTE_AUTHORITY = {
  // The console's own files.
  'GET /': 'public',
  'GET /developer': 'public',
  'GET /chat': 'public',
  'GET /verify': 'public',
  'GET /receipts': 'public',
  'GET /status': 'public',
  'GET /assets/*': 'public',
  // What the agent is.
  'GET /health': 'public',
  'GET /ping': 'public',
  'GET /openapi.json': 'public',
  'GET /v1/aci/attestation': 'public',
  'GET /attestation': 'public',
  'GET /simulated-root.pem': 'public',
  'GET /v1/aci/sessions': 'public',
  'GET /v1/aci/sessions/:id': 'public',
  'GET /log/checkpoint': 'public',
  'GET /log/vkeys': 'public',
  'GET /log/tile/*': 'public',
  'GET /log/entries/*': 'public',
  // Entrances of the encrypted channel; what is inside meets this table again.
  'GET /ohttp-keys': 'public',
  'GET /.well-known/hpke-keys': 'public',
  'POST /ohttp': 'public',
  // Work, and what came of it.
  'POST /api/process': 'key',
  'GET /api/tasks/:id': 'key',
  'GET /api/tasks/:id/events': 'key',
  'DELETE /api/tasks/:id': 'key',
  'GET /api/tasks/:id/artifacts': 'key',
  'GET /api/tasks/:id/artifacts/:path{.+}': 'key',
  'GET /v1/aci/receipts/:id': 'key',
  'GET /api/receipts': 'key',
  'GET /api/receipts/:id': 'key',
  'GET /bundles/:id': 'key',
  'POST /v1/chat/completions': 'key',
  'POST /v1/completions': 'key',
  'POST /v1/embeddings': 'key',
  'POST /v1/responses': 'key',
  'GET /v1/models': 'key',
  'GET /v1/models/:id{.+}': 'key',
  'POST /talk': 'key',
  'GET /api/status': 'key',
  'GET /metrics': 'key',
  // The operator's.
  'POST /api/operator/rotate-keys': 'operator',
} as const satisfies Readonly<Record<string, Authority>>;

/** Method and pattern of a route, e.g. `GET /api/tasks/:id`. */
export type RouteName = keyof typeof ROUTE_AUTHORITY;

/** A route as the router lists it. */
export interface ListedRoute {
  readonly method: string;
  readonly path: string;
}

/** Middleware is registered for every method. */
const isHandler = ({ method }: ListedRoute): boolean => method !== 'ALL';

/**
 * The route that answers a request, among those that matched it; `null` when only middleware did.
 * @example routeNameOf(matchedRoutes(c)) // 'GET /api/tasks/:id'
 */
export function routeNameOf(matched: readonly ListedRoute[]): RouteName | null {
  const handler = matched.find(isHandler);
  const name = handler === undefined ? '' : `${handler.method} ${handler.path}`;
  return Object.hasOwn(ROUTE_AUTHORITY, name) ? (name as RouteName) : null;
}

/** Who may call the route; a route that is not in the table needs the key. */
export function authorityOf(name: RouteName | null): Authority {
  return name === null ? 'key' : ROUTE_AUTHORITY[name];
}
