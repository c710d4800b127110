/** The transparency log as static-looking files (C2SP tlog-tiles, tlog-checkpoint): open to everybody, holding no plaintext. */

import { Hono } from 'hono';
import { ServerError } from '../../errors.ts';
import type { AppEnv } from '../environment.ts';
import type { Services } from './services.ts';

const TILE = /^tile\/(?:[0-9]|[1-5][0-9]|6[0-3]|entries)\/(?:x[0-9]{3}\/)*[0-9]{3}(?:\.p\/[1-9][0-9]{0,2})?$/;

export function logRoutes(services: Services): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get(
    '/log/checkpoint',
    async () =>
      new Response(await services.ledger.checkpoint(), {
        headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' },
      }),
  );
  app.get(
    '/log/vkeys',
    () =>
      new Response(`${services.ledger.verifierKeys.join('\n')}\n`, {
        headers: { 'content-type': 'text/plain; charset=utf-8' },
      }),
  );
  app.get('/log/tile/*', (c) => tile(services, c.req.path.slice('/log/'.length)));
  app.get('/log/entries/*', (c) => tile(services, `tile/${c.req.path.slice('/log/'.length)}`));
  return app;
}

async function tile(services: Services, path: string): Promise<Response> {
  const bytes = TILE.test(path) ? await services.ledger.tile(path) : null;
  if (bytes === null)
    throw new ServerError('http/not-found', 'the log has no such tile; see c2sp.org/tlog-tiles for their paths');
  const whole = !path.includes('.p/');
  return new Response(new Uint8Array(bytes), {
    headers: {
      'content-type': 'application/octet-stream',
      'cache-control': whole ? 'public, max-age=31536000, immutable' : 'public, max-age=60',
    },
  });
}
