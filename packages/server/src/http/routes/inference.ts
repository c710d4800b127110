/** The `aci/1` prompt endpoints (ACI §5) and attested sessions (ACI §8.1). Errors have OpenAI's shape. */

import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { PROVIDERS } from '../../adapters/models/providers.ts';
import type { ModelConfig } from '../../config.ts';
import { InferenceError } from '../../inference/inference-error.ts';
import { passthrough } from '../../inference/passthrough.ts';
import { responsesSurface } from '../../inference/responses/surface.ts';
import { type InferencePorts, servePrompt, sessionBytes } from '../../inference/serve.ts';
import type { AppEnv } from '../environment.ts';
import { readBytes } from '../request-body.ts';
import { clientOf } from '../request-facts.ts';
import type { Services } from './services.ts';

const PASSED_THROUGH = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings'] as const;
/** Longest answer, bytes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export function inferenceRoutes(services: Services): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const { upstream, ledger } = services;
  const ports: InferencePorts = {
    ledger,
    upstream,
    verifiedOnly: services.config.verifiedUpstreamsOnly,
    newTaskId: randomUUID,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  };
  const responses = responsesSurface({
    maxTokensName: maxTokensNameOf(services.config.model.provider),
    now: services.clock.now,
    newId: () => randomUUID().replaceAll('-', ''),
  });
  const surfaces = [...PASSED_THROUGH.map((path) => [path, passthrough(path)] as const), ['/v1/responses', responses] as const];
  for (const [path, surface] of surfaces) {
    app.post(path, async (c) => {
      services.rateLimit.take(clientOf(c));
      const body = await readBytes(c.req.raw, services.config.limits.bodyBytes);
      return servePrompt({ path, surface, body, access: c.get('access'), signal: c.req.raw.signal }, ports);
    });
  }

  const described = (id: string) => ({ id, object: 'model', created: 0, owned_by: upstream.name });
  app.get('/v1/models', async (c) => c.json({ object: 'list', data: (await upstream.models()).map(described) }));

  // Ids of models hold slashes.
  app.get('/v1/models/:id{.+}', async (c) => {
    const id = c.req.param('id');
    if ((await upstream.models()).includes(id)) return c.json(described(id));
    const message = `no model ${JSON.stringify(id.slice(0, 200))} here; /v1/models lists them`;
    return failed(c, new InferenceError(404, 'not_found', message, 'model'));
  });

  app.get('/v1/aci/sessions', (c) => {
    const wanted = c.req.query('upstream_name');
    const current = wanted === undefined || wanted === upstream.name ? upstream.sessions() : [];
    const sessions = current.map(({ sessionId, document }) => {
      const { evidence, ...rest } = document;
      const digest = typeof evidence === 'object' && evidence !== null && 'digest' in evidence ? evidence.digest : null;
      return { session_id: sessionId, ...rest, evidence: { digest } };
    });
    return c.json({ api_version: 'aci/1', sessions });
  });

  app.get('/v1/aci/sessions/:id', async (c) => {
    const id = c.req.param('id');
    const current = upstream.sessions().find(({ sessionId }) => sessionId === id);
    const bytes = current === undefined ? await ledger.session(id) : sessionBytes(current);
    if (bytes === null) return failed(c, new InferenceError(404, 'not_found', 'no session has this id'));
    return new Response(new Uint8Array(bytes), { headers: { 'content-type': 'application/json' } });
  });
  return app;
}

function maxTokensNameOf(provider: ModelConfig['provider']): 'max_tokens' | 'max_completion_tokens' {
  return provider === 'recorded' ? 'max_tokens' : PROVIDERS[provider].maxTokensName;
}

function failed(c: Context<AppEnv>, error: InferenceError): Response {
  return c.json(error.body, error.status as 404);
}
