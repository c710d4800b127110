/** For operators: is it alive, how is it doing, what is it made of. */

import { retryAfterHeader, retryAfterOf } from '../../retry-after.ts';
import type { Api } from '../api.ts';
import { json, route } from '../route.ts';
import { textSchema } from '../schemas/bytes.ts';
import { type AgentStatus, healthSchema, statusSchema } from '../schemas/status.ts';
import type { Services } from './services.ts';

const NO_STORE = { 'cache-control': 'no-store' };
const STOPPING = { ...NO_STORE, ...retryAfterHeader(retryAfterOf({ code: 'server/stopping' })) };

const health = route({
  method: 'get',
  path: '/health',
  authority: 'public',
  tag: 'operation',
  summary: 'Whether the agent takes work',
  answers: { 200: json(healthSchema, 'it does'), 503: json(healthSchema, 'it is stopping') },
});

const metrics = route({
  method: 'get',
  path: '/metrics',
  authority: 'key',
  scope: 'operate',
  tag: 'operation',
  summary: 'Metrics in Prometheus form',
  answers: { 200: { description: 'text exposition format', content: { 'text/plain': textSchema } } },
});

const agentStatus = route({
  method: 'get',
  path: '/api/status',
  authority: 'key',
  tag: 'operation',
  summary: 'What the agent is made of',
  answers: { 200: json(statusSchema, 'status') },
});

export function operationRoutes(api: Api, services: Services): void {
  const startedAt = services.clock.now();
  api.on(health, ({ reply }) => {
    const { version } = services;
    if (services.stopping()) return reply(503, { status: 'stopping', version }, STOPPING);
    return reply(200, { status: 'ok', version }, NO_STORE);
  });
  api.on(
    metrics,
    async () =>
      new Response(await services.metrics.registry.metrics(), {
        headers: { 'content-type': services.metrics.registry.contentType },
      }),
  );
  api.on(agentStatus, async ({ c, reply }) =>
    reply(200, await status(services, { startedAt, access: c.get('access') }), NO_STORE),
  );
}

/** What is told of a sandbox that is still being opened. */
const OPENING = { lane: 'opening', isolation: 'none', languages: [], packages: {}, environmentDigest: null, selfTest: [] };

/** What the agent is made of and what is missing, with the running tasks that `access` may see, all when it is left out; also what the start-up message and `assay doctor` show. */
export async function status(
  services: Services,
  { startedAt, access }: { readonly startedAt: number; readonly access?: string | null },
): Promise<AgentStatus> {
  const { identity, ledger, model, config } = services;
  const probe = await model.probe();
  const capabilities = services.sandbox()?.capabilities ?? OPENING;
  const { mode, hosts } = config.sandbox.network;
  const recorded = model.provider === 'recorded';
  return {
    name: 'assay',
    version: services.version,
    status: services.stopping() ? 'stopping' : 'ok',
    started_at: new Date(startedAt).toISOString(),
    uptime_seconds: Math.floor((services.clock.now() - startedAt) / 1000),
    tasks_running: access === undefined ? services.tasks.running : services.tasks.runningOf(access),
    tee: { name: identity.attester.name, simulated: identity.attester.simulated },
    keyset_digest: identity.keysetDigest,
    keyset: services.rotation.standing(),
    model: { provider: model.provider, model: model.model, recorded, reachable: probe.reachable, detail: probe.detail },
    sandbox: {
      lane: capabilities.lane,
      isolation: capabilities.isolation,
      languages: capabilities.languages,
      packages: capabilities.packages,
      environment_digest: capabilities.environmentDigest,
      self_test: capabilities.selfTest,
      network: { mode, hosts },
    },
    store: { name: services.storeName },
    log: { origin: ledger.origin, verifier_keys: ledger.verifierKeys },
    task_types: services.tasks.types.map(({ type, summary }) => ({ type, summary })),
    warnings: [
      ...(identity.attester.simulated ? ['SIMULATED TEE: the evidence of this agent proves nothing'] : []),
      ...(recorded ? ['RECORDED ANSWERS: no AI model runs'] : []),
      ...config.warnings,
    ],
  };
}
