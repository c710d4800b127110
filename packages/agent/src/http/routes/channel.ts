/**
 * The encrypted channel: `POST /ohttp` opens a request sealed to a key of the attested keyset and runs it through this same
 * application; `GET /ohttp-keys` lists the keys in OHTTP's own form (RFC 9458 §3). The API key, if one is needed, travels inside.
 */

import type { Api } from '../api.ts';
import { answerEncapsulated } from '../channel/ohttp-gateway.ts';
import { route } from '../route.ts';
import { bytesSchema } from '../schemas/bytes.ts';
import type { Services } from './services.ts';

const ohttpKeys = route({
  method: 'get',
  path: '/ohttp-keys',
  authority: 'public',
  tag: 'channel',
  summary: 'Keys of the encrypted channel',
  answers: { 200: { description: 'RFC 9458 §3', content: { 'application/ohttp-keys': bytesSchema } } },
});

const hpkeKeys = route({ ...ohttpKeys, path: '/.well-known/hpke-keys', summary: 'The same keys, where EHBP looks for them' });

const ohttp = route({
  method: 'post',
  path: '/ohttp',
  authority: 'public',
  tag: 'channel',
  summary: 'A request to any route, sealed to an attested key (RFC 9458)',
  body: { required: true, content: { 'message/ohttp-req': bytesSchema, 'message/ohttp-chunked-req': bytesSchema } },
  answers: {
    200: {
      description: 'the sealed answer, whatever its status',
      content: { 'message/ohttp-res': bytesSchema, 'message/ohttp-chunked-res': bytesSchema },
    },
  },
  errors: { 400: 'not a sealed request', 415: 'wrong media type' },
});

/** @param inner - the application, called with `channel` in its environment. */
export function channelRoutes(api: Api, services: Services, inner: (request: Request, env: object) => Promise<Response>): void {
  const { channelKeys } = services;
  const configuration = (): Response =>
    new Response(new Uint8Array(channelKeys.configuration(Math.floor(services.clock.now() / 1000))), {
      headers: { 'content-type': 'application/ohttp-keys' },
    });
  api.on(ohttpKeys, configuration);
  api.on(hpkeKeys, configuration);
  api.on(ohttp, ({ c }) =>
    answerEncapsulated(c.req.raw, {
      keys: channelKeys,
      handle: (request) => inner(request, { ...c.env, channel: 'ohttp' }),
      now: services.clock.now,
      handOn: services.handOn,
      maxRequestBytes: services.config.limits.bodyBytes + 64 * 1024,
    }),
  );
}
