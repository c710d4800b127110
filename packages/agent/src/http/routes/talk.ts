/** The tutorial's surface (seed 004): `GET /ping`, `GET /attestation`, `POST /talk`. */

import { randomUUID } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';
import { statementDigest } from '@assay/receipt';
import { ServerError } from '../../errors.ts';
import { talk } from '../../tasks/talk/talk.ts';
import type { Api } from '../api.ts';
import { readBytes } from '../request-body.ts';
import { clientOf } from '../request-facts.ts';
import { json, route } from '../route.ts';
import {
  pingSchema,
  talkAnswerSchema,
  talkErrorSchema,
  talkRequestSchema,
  tutorialAttestationSchema,
} from '../schemas/talk.ts';
import type { Services } from './services.ts';

const ping = route({
  method: 'get',
  path: '/ping',
  authority: 'public',
  tag: 'tutorial',
  summary: 'Time of the agent',
  answers: { 200: json(pingSchema, 'epoch seconds') },
});

const tutorialAttestation = route({
  method: 'get',
  path: '/attestation',
  authority: 'public',
  tag: 'tutorial',
  summary: 'Evidence that names the key for /talk',
  answers: { 200: json(tutorialAttestationSchema, "the TEE's document") },
  errors: { 429: 'too many requests', 503: 'no evidence' },
});

const talkRoute = route({
  method: 'post',
  path: '/talk',
  authority: 'key',
  scope: 'infer',
  tag: 'tutorial',
  summary: "Ask a platform's model under one's own key, the question encrypted to the attested key",
  body: { required: true, content: { 'application/json': talkRequestSchema } },
  answers: {
    200: json(talkAnswerSchema, "the answer, or the tutorial's refusal"),
    500: json(talkErrorSchema, 'what went wrong'),
  },
});

export function talkRoutes(api: Api, services: Services): void {
  const { modelOf } = services;
  const keysInUse = () => services.talkKeys.live(Math.floor(services.clock.now() / 1000));
  const ports = { modelOf, ledger: services.ledger, now: () => services.clock.now(), newTaskId: randomUUID };

  api.on(ping, ({ reply }) => reply(200, { pong: Math.floor(services.clock.now() / 1000) }));

  api.on(tutorialAttestation, async ({ c }) => {
    await services.rateLimit.take(`quote ${clientOf(c)}`);
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

  api.on(talkRoute, async ({ c }) => {
    await services.rateLimit.take(clientOf(c));
    const body = await readBytes(c.req.raw, services.config.limits.bodyBytes);
    const reply = await talk(body, { ...ports, access: c.get('access'), keys: keysInUse() }, c.req.raw.signal);
    return c.json(reply.body, reply.status);
  });
}
