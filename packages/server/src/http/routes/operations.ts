/** For operators: is it alive, how is it doing, what is it made of. */

import { Hono } from 'hono';
import type { AppEnv } from '../environment.ts';
import type { Services } from './services.ts';

export function operationRoutes(services: Services): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const startedAt = services.clock.now();
  app.get('/health', (c) => {
    const stopping = services.stopping();
    return c.json({ status: stopping ? 'stopping' : 'ok', version: services.version }, stopping ? 503 : 200, {
      'cache-control': 'no-store',
    });
  });
  app.get(
    '/metrics',
    async () =>
      new Response(await services.metrics.registry.metrics(), {
        headers: { 'content-type': services.metrics.registry.contentType },
      }),
  );
  app.get('/api/status', async (c) => c.json(await status(services, startedAt), 200, { 'cache-control': 'no-store' }));
  return app;
}

/** What is told of a sandbox that is still being opened. */
const OPENING = { lane: 'opening', isolation: 'none', languages: [], packages: {}, environmentDigest: null, selfTest: [] };

/** What the agent is made of and what is missing; also what the start-up message and `assay doctor` show. */
export async function status(services: Services, startedAt: number): Promise<Readonly<Record<string, unknown>>> {
  const { identity, ledger, model, config } = services;
  const probe = await model.probe();
  const capabilities = services.sandbox()?.capabilities ?? OPENING;
  const recorded = model.provider === 'recorded';
  return {
    name: 'assay',
    version: services.version,
    status: services.stopping() ? 'stopping' : 'ok',
    started_at: new Date(startedAt).toISOString(),
    uptime_seconds: Math.floor((services.clock.now() - startedAt) / 1000),
    tasks_running: services.tasks.running,
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
      network: config.sandbox.network,
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
