/** The `aci/1` prompt endpoints (ACI §5) and attested sessions (ACI §8.1). Errors have OpenAI's shape. */

import { randomUUID } from 'node:crypto';
import { storedBytes } from '@assay/ledger';
import type { Context } from 'hono';
import { z } from 'zod';
import { PROVIDERS } from '../../adapters/models/providers.ts';
import type { ModelConfig } from '../../config.ts';
import { ServerError } from '../../errors.ts';
import { InferenceError } from '../../inference/inference-error.ts';
import { passthrough } from '../../inference/passthrough.ts';
import { responsesSurface } from '../../inference/responses/surface.ts';
import { type InferencePorts, servePrompt, sessionBytes } from '../../inference/serve.ts';
import { storedAnswer } from '../answers.ts';
import type { Api } from '../api.ts';
import type { AppEnv } from '../environment.ts';
import { readBytes } from '../request-body.ts';
import { clientOf } from '../request-facts.ts';
import { json, route } from '../route.ts';
import { eventStreamSchema } from '../schemas/bytes.ts';
import {
  chatCompletionSchema,
  chatRequestSchema,
  completionRequestSchema,
  completionSchema,
  embeddingRequestSchema,
  embeddingsSchema,
  modelListSchema,
  modelSchema,
  responseRequestSchema,
  responseSchema,
  sessionListSchema,
  sessionSchema,
} from '../schemas/openai.ts';
import type { Services } from './services.ts';

/** A prompt endpoint: whole answers in JSON, or events when the request says `stream`. */
const prompt = <const Path extends string>(
  path: Path,
  summary: string,
  shapes: { readonly request: z.ZodType; readonly answer: z.ZodType },
) =>
  route({
    method: 'post',
    path,
    authority: 'key',
    scope: 'infer',
    tag: 'inference',
    summary,
    body: { required: true, content: { 'application/json': shapes.request } },
    answers: {
      200: {
        description: "the model's answer; X-Receipt-Id names its receipt",
        content: { 'application/json': shapes.answer, 'text/event-stream': eventStreamSchema },
      },
    },
    errors: { 400: 'bad input', 403: 'the upstream does not verify', 429: 'too many requests', 503: 'unavailable' },
  });

const chatCompletions = prompt('/v1/chat/completions', "OpenAI's chat completions", {
  request: chatRequestSchema,
  answer: chatCompletionSchema,
});
const completions = prompt('/v1/completions', "OpenAI's text completions", {
  request: completionRequestSchema,
  answer: completionSchema,
});
const embeddings = prompt('/v1/embeddings', "OpenAI's embeddings", {
  request: embeddingRequestSchema,
  answer: embeddingsSchema,
});
const responsesApi = prompt('/v1/responses', "OpenAI's Responses API", {
  request: responseRequestSchema,
  answer: responseSchema,
});

const models = route({
  method: 'get',
  path: '/v1/models',
  authority: 'key',
  tag: 'inference',
  summary: 'Models of the upstream',
  answers: { 200: json(modelListSchema, 'list') },
});

const model = route({
  method: 'get',
  path: '/v1/models/{id+}',
  authority: 'key',
  tag: 'inference',
  summary: 'One model; ids may hold slashes',
  params: z.object({ id: z.string() }),
  answers: { 200: json(modelSchema, 'model') },
  errors: { 404: 'no such model' },
});

const sessions = route({
  method: 'get',
  path: '/v1/aci/sessions',
  authority: 'public',
  tag: 'inference',
  summary: 'Verified sessions with the upstream (ACI §8.1)',
  query: z.object({ upstream_name: z.string().optional() }),
  answers: { 200: json(sessionListSchema, 'sessions, evidence as its digest') },
});

const session = route({
  method: 'get',
  path: '/v1/aci/sessions/{id}',
  authority: 'public',
  tag: 'inference',
  summary: 'One session in full',
  params: z.object({ id: z.string() }),
  answers: { 200: json(sessionSchema, 'session document') },
  errors: { 404: 'no such session' },
});

/** Longest answer, bytes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export function inferenceRoutes(api: Api, services: Services): void {
  const { upstream, ledger } = services;
  const ports: InferencePorts = {
    ledger,
    upstream,
    verifiedOnly: services.config.verifiedUpstreamsOnly,
    newTaskId: randomUUID,
    spend: (access, tokens) => ledger.keys.spend(access, { tokens }),
    maxAnswerBytes: MAX_ANSWER_BYTES,
  };
  const responses = responsesSurface({
    maxTokensName: maxTokensNameOf(services.config.model.provider),
    now: services.clock.now,
    newId: () => randomUUID().replaceAll('-', ''),
  });
  const passedThrough = [chatCompletions, completions, embeddings].map((route) => [route, passthrough(route.path)] as const);
  for (const [route, surface] of [...passedThrough, [responsesApi, responses] as const]) {
    api.on(route, async ({ c }) => {
      await services.rateLimit.take(clientOf(c));
      const body = await readBytes(c.req.raw, services.config.limits.bodyBytes);
      return servePrompt({ path: route.path, surface, body, access: c.get('access'), signal: c.req.raw.signal }, ports);
    });
  }

  const described = (id: string) => ({ id, object: 'model' as const, created: 0, owned_by: upstream.name });
  api.on(models, async ({ reply }) => reply(200, { object: 'list', data: (await upstream.models()).map(described) }));
  api.on(model, async ({ c, params, reply }) => {
    const { id } = params;
    if ((await upstream.models()).includes(id)) return reply(200, described(id));
    const message = `no model ${JSON.stringify(id.slice(0, 200))} here; /v1/models lists them`;
    return failed(c, new InferenceError(404, 'not_found', message, 'model'));
  });

  api.on(sessions, ({ query, reply }) => {
    const wanted = query.upstream_name;
    const current = wanted === undefined || wanted === upstream.name ? upstream.sessions() : [];
    const listed = current.map(({ sessionId, document }) => {
      const { evidence, ...rest } = document;
      const digest = typeof evidence === 'object' && evidence !== null && 'digest' in evidence ? evidence.digest : null;
      return { session_id: sessionId, ...rest, evidence: { digest } };
    });
    return reply(200, { api_version: 'aci/1', sessions: listed });
  });

  api.on(session, async ({ params }) => {
    const current = upstream.sessions().find(({ sessionId }) => sessionId === params.id);
    const bytes = current === undefined ? await ledger.session(params.id) : storedBytes(sessionBytes(current));
    if (bytes === null) throw new ServerError('http/not-found', 'no session has this id; /v1/aci/sessions lists them');
    return storedAnswer(bytes, { headers: { 'content-type': 'application/json' } });
  });
}

function maxTokensNameOf(provider: ModelConfig['provider']): 'max_tokens' | 'max_completion_tokens' {
  return provider === 'recorded' || provider === 'embedded' ? 'max_tokens' : PROVIDERS[provider].maxTokensName;
}

function failed(c: Context<AppEnv>, error: InferenceError): Response {
  return c.json(error.body, error.status as 404);
}
