/** The transparency log as static-looking files (C2SP tlog-tiles, tlog-checkpoint): open to everybody, holding no plaintext. */

import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { Api } from '../api.ts';
import { route } from '../route.ts';
import { bytesSchema, textSchema } from '../schemas/bytes.ts';
import type { Services } from './services.ts';

const TILE = /^tile\/(?:[0-9]|[1-5][0-9]|6[0-3]|entries)\/(?:x[0-9]{3}\/)*[0-9]{3}(?:\.p\/[1-9][0-9]{0,2})?$/;

const checkpoint = route({
  method: 'get',
  path: '/log/checkpoint',
  authority: 'public',
  tag: 'log',
  summary: 'Signed checkpoint of the log (C2SP)',
  answers: { 200: { description: 'signed note', content: { 'text/plain': textSchema } } },
});

const vkeys = route({
  method: 'get',
  path: '/log/vkeys',
  authority: 'public',
  tag: 'log',
  summary: 'Verifier keys of the log',
  answers: { 200: { description: 'one a line', content: { 'text/plain': textSchema } } },
});

const tiles = route({
  method: 'get',
  path: '/log/tile/{path+}',
  authority: 'public',
  tag: 'log',
  summary: 'Tile of the log (C2SP tlog-tiles)',
  params: z.object({ path: z.string() }),
  answers: { 200: { description: 'hashes', content: { 'application/octet-stream': bytesSchema } } },
  errors: { 404: 'no such tile' },
});

const entries = route({
  ...tiles,
  path: '/log/entries/{path+}',
  summary: 'Entries of the log',
  answers: { 200: { description: 'entries', content: { 'application/octet-stream': bytesSchema } } },
});

export function logRoutes(api: Api, services: Services): void {
  api.on(
    checkpoint,
    async () =>
      new Response(await services.ledger.checkpoint(), {
        headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' },
      }),
  );
  api.on(
    vkeys,
    () =>
      new Response(`${services.ledger.verifierKeys.join('\n')}\n`, {
        headers: { 'content-type': 'text/plain; charset=utf-8' },
      }),
  );
  // The path as it was sent: an escaped slash is none.
  api.on(tiles, ({ c }) => tile(services, c.req.path.slice('/log/'.length)));
  api.on(entries, ({ c }) => tile(services, `tile/${c.req.path.slice('/log/'.length)}`));
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
