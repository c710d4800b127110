/**
 * The encrypted channel: `POST /ohttp` opens a request sealed to a key of the attested keyset and runs it through this same
 * application; `GET /ohttp-keys` lists the keys in OHTTP's own form (RFC 9458 §3). The API key, if one is needed, travels inside.
 */

import { Hono } from 'hono';
import { answerEncapsulated } from '../channel/ohttp-gateway.ts';
import type { AppEnv } from '../environment.ts';
import type { Services } from './services.ts';

/** @param inner - the application, called with `channel` in its environment. */
export function channelRoutes(services: Services, inner: (request: Request, env: object) => Promise<Response>): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const { channelKeys } = services;
  const configuration = (): Response =>
    new Response(new Uint8Array(channelKeys.configuration(Math.floor(services.clock.now() / 1000))), {
      headers: { 'content-type': 'application/ohttp-keys' },
    });
  app.get('/ohttp-keys', configuration);
  app.get('/.well-known/hpke-keys', configuration);
  app.post('/ohttp', (c) =>
    answerEncapsulated(c.req.raw, {
      keys: channelKeys,
      handle: (request) => inner(request, { ...c.env, channel: 'ohttp' }),
      now: services.clock.now,
      maxRequestBytes: services.config.limits.bodyBytes + 64 * 1024,
    }),
  );
  return app;
}
