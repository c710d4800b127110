/** The agent's upstream in front of RedPill's stand-in, and one question through it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_POLICY, type Policy } from '@assay/attestation';
import { createTlsDialer } from '@assay/channel/tls';
import { encodeHex } from '@assay/encoding/hex';
import { type RedpillServer, type RedpillServerOptions, startRedpillServer } from '@assay/testing';
import { type ChannelDemand, serviceKind } from '@assay/upstream';
import { onTestFinished } from 'vitest';
import { createAttestedUpstream } from '../../packages/agent/src/adapters/upstreams/attested-upstream.ts';
import type { Upstream } from '../../packages/agent/src/ports/upstream.ts';

export const MODEL = 'phala/gemma-3-27b-it';

export interface Line {
  readonly server: RedpillServer;
  readonly upstream: Upstream;
}

export async function line(
  options: RedpillServerOptions = {},
  more: { policy?: Policy; genuine?: boolean; channel?: ChannelDemand } = {},
): Promise<Line> {
  const server = await startRedpillServer({ apiKey: 'key', ...options });
  onTestFinished(server.close);
  const anchors = (await server.anchors()).map((anchor) => ({ ...anchor, simulated: more.genuine !== true }));
  const roots = await Promise.all(
    anchors.map(async ({ spki }) => encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', spki as BufferSource)))),
  );
  const now = options.now ?? Date.now;
  const dialer = createTlsDialer(server.authorities === '' ? {} : { authorities: server.authorities });
  const upstream = createAttestedUpstream({
    ...{ name: 'redpill', base: `${server.origin}/v1`, apiKey: 'key', defaultModel: MODEL, timeoutMs: 5000 },
    kind: serviceKind('dstack-vllm'),
    service: {
      ...{ base: server.origin, apiKey: 'key', fetch: dialer.open, dialer, now, sleep },
      channel: more.channel ?? 'any',
      policy: more.policy ?? { ...DEFAULT_POLICY, simulatedRoots: roots },
      trust: { roots: anchors },
      collateral: { services: { intel: server.origin } },
    },
  });
  return { server, upstream };
}

export const bodyOf = (stream: boolean): Uint8Array =>
  new TextEncoder().encode(`{"model":"${MODEL}","messages":[{"role":"user","content":"my secret"}],"stream":${stream}}`);

export async function ask({ upstream }: Line, stream = true, sent = bodyOf(stream)) {
  const standing = await upstream.standing(MODEL);
  const answer = await upstream.forward(
    { path: '/v1/chat/completions', body: sent, signal: AbortSignal.timeout(5000) },
    standing,
  );
  const pieces: Uint8Array[] = [];
  for await (const piece of answer.body) pieces.push(piece);
  const received = new Uint8Array(Buffer.concat(pieces));
  return { standing, received, proof: (await answer.finish?.({ sent, received })) ?? null };
}
