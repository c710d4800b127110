/** An unmodified OpenAI client, the verifying proxy, and RedPill's stand-in behind it. */

import { createTlsDialer } from '@assay/channel/tls';
import { type RedpillServer, type RedpillServerOptions, startRedpillServer } from '@assay/testing';
import {
  type ChannelDemand,
  createVerifyingProxy,
  openUpstream,
  type ProofFile,
  type ProxyEvent,
  type UpstreamOptions,
  verify,
} from 'assay';
import OpenAI from 'openai';
import { onTestFinished } from 'vitest';

export const MODEL = 'phala/gemma-3-27b-it';
export const messages = [{ role: 'user' as const, content: 'my secret question' }];

async function optionsFor(server: RedpillServer): Promise<UpstreamOptions> {
  const [simulatedRoot] = await server.anchors();
  if (simulatedRoot === undefined) throw new Error('the stand-in has a root');
  return { trust: { simulatedRoot }, apiKey: 'upstream-key', collateral: { services: { intel: server.origin } } };
}

export async function start(options: RedpillServerOptions = {}, channel: ChannelDemand = 'any', kind = 'redpill') {
  const server = await startRedpillServer({ apiKey: 'upstream-key', ...options });
  onTestFinished(server.close);
  const dialer = createTlsDialer(server.authorities === '' ? {} : { authorities: server.authorities });
  const opening = { ...(await optionsFor(server)), channel, dialer };
  const upstream = await openUpstream(new URL(server.origin), opening, kind);
  const kept: ProofFile[] = [];
  const events: ProxyEvent[] = [];
  const handle = createVerifyingProxy({
    upstream,
    keep: async (proof) => void kept.push(proof),
    onEvent: (event) => void events.push(event),
  });
  const openai = new OpenAI({
    apiKey: 'anything',
    baseURL: 'http://127.0.0.1:1/v1',
    maxRetries: 0,
    fetch: (input, init) => handle(new Request(input as RequestInfo, init)),
  });
  return { server, upstream, opening, kept, events, openai };
}

export async function streamed(openai: OpenAI, model = MODEL): Promise<string> {
  let text = '';
  for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true }))
    text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

export async function verifyOffline(bytes: Uint8Array, { trust }: UpstreamOptions) {
  return verify(bytes, { trust });
}
