/**
 * The two addresses under which clients of nitriding (https://github.com/brave/nitriding-daemon) look for a Nitro enclave. What the document binds is
 * this agent's keyset, as everywhere; nitriding's own layout of `user_data` is not imitated, and nothing that a caller chose gets into it.
 */

import { encodeBase64 } from '@assay/encoding/base64';
import { decodeHex } from '@assay/encoding/hex';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { Api } from '../api.ts';
import { clientOf } from '../request-facts.ts';
import { route } from '../route.ts';
import { textSchema } from '../schemas/bytes.ts';
import type { Services } from './services.ts';

const NO_STORE = { 'cache-control': 'no-store' };

const attestation = route({
  method: 'get',
  path: '/enclave/attestation',
  authority: 'public',
  tag: 'proof',
  summary: 'Attestation document of a Nitro enclave in base64, as nitriding serves it',
  query: z.object({
    nonce: z.string().describe("20 random bytes as 40 hex characters, as nitriding's clients send them; or 32 bytes as 64"),
  }),
  answers: { 200: { description: 'base64', content: { 'text/plain': textSchema } } },
  errors: { 400: 'bad nonce', 404: 'the agent runs in no Nitro enclave', 503: 'no evidence' },
});

const hash = route({
  method: 'get',
  path: '/enclave/hash',
  authority: 'public',
  tag: 'proof',
  summary: 'SHA-256 of the keyset that the document binds, in base64',
  answers: { 200: { description: 'base64 of 32 bytes', content: { 'text/plain': textSchema } } },
});

export function enclaveRoutes(api: Api, { identity, rateLimit }: Services): void {
  api.on(attestation, async ({ c, query }) => {
    await rateLimit.take(`quote ${clientOf(c)}`);
    if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(query.nonce))
      throw new ServerError(
        'http/bad-parameter',
        `nonce: expected 20 or 32 random bytes in hex, got ${query.nonce.length} characters; make one with openssl rand -hex 20`,
      );
    const { evidence } = await identity.report(query.nonce.toLowerCase().padEnd(64, '0'), query.nonce.length / 2);
    const { document } = evidence.evidence;
    if (evidence.evidenceType !== 'nitro' || typeof document !== 'string')
      throw new ServerError(
        'http/not-found',
        `this agent attests with ${identity.attester.name}, not in a Nitro enclave; ask /v1/aci/attestation for its evidence`,
      );
    return c.text(document, 200, NO_STORE);
  });

  api.on(hash, ({ c }) => c.text(encodeBase64(decodeHex(identity.keysetDigest.slice('sha256:'.length))), 200, NO_STORE));
}
