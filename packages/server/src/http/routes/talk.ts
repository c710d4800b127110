/** The tutorial's surface (seed 004): `GET /ping`, `GET /attestation`, `POST /talk`. */

import { randomUUID } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';
import { statementDigest } from '@assay/receipt';
import { Hono } from 'hono';
import { ServerError } from '../../errors.ts';
import { talk } from '../../tasks/talk/talk.ts';
import type { AppEnv } from '../environment.ts';
import { readBytes } from '../request-body.ts';
import { clientOf } from '../request-facts.ts';
import type { Services } from './services.ts';

export function talkRoutes(services: Services): Hono<AppEnv> {
  const { modelOf } = services;
  const app = new Hono<AppEnv>();
  const keysInUse = () => services.talkKeys.live(Math.floor(services.clock.now() / 1000));
  const ports = { modelOf, ledger: services.ledger, now: () => services.clock.now(), newTaskId: randomUUID };

  app.get('/ping', (c) => c.json({ pong: Math.floor(services.clock.now() / 1000) }));

  app.get('/attestation', async (c) => {
    services.rateLimit.take(`quote ${clientOf(c)}`);
    const nonce = crypto.getRandomValues(new Uint8Array(32));
    await services.identity.inForce();
    // Keyset and key of one moment: a rotation changes both in one turn.
    const { attester, keysetDigest } = services.identity;
    const [keys] = keysInUse();
    if (keys === undefined) throw new ServerError('attester/unavailable', 'the keys have ended and no others could be made');
    // The same statement as everywhere: it names the keyset, which lists this key; no caller chooses what is quoted.
    const statement = statementDigest(keysetDigest, encodeHex(nonce));
    const { evidence } = await attester.attest({ statementDigest: statement, nonce, channelPublicKey: keys.spki });
    if (!attester.simulated) return c.json({ attestation_doc: evidence.document ?? evidence });
    return c.json({
      attestation_doc: { nonce: encodeHex(nonce), public_key: encodeHex(keys.spki) },
      mock: true,
      simulated_document: evidence.document,
    });
  });

  app.post('/talk', async (c) => {
    services.rateLimit.take(clientOf(c));
    const body = await readBytes(c.req.raw, services.config.limits.bodyBytes);
    const reply = await talk(body, { ...ports, access: c.get('access'), keys: keysInUse() }, c.req.raw.signal);
    return c.json(reply.body, reply.status);
  });
  return app;
}
