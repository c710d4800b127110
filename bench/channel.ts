/**
 * The channel's cost: an echo of `/v1/chat/completions` through the sealed channel, against the same route and handler over Node's own
 * TLS, both called through `fetch`, in one run. Client and server are two processes that share the machine. Also: what the channel adds
 * to one request, the delay of the first streamed chunk, 10,000 requests with 64 in flight, none lost and none mixed up, and the first
 * connect with a full TDX verification.
 *
 * node --conditions=@assay/source bench/channel.ts
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { decodeHex } from '@assay/encoding/hex';
import { createSealedFetch } from 'assay';
import { programOptions } from '../tools/program-options.ts';
import type { EchoServer } from './channel/echo-server.ts';
import type { FirstConnect } from './channel/first-connect.ts';

programOptions({
  call: 'npm run bench:channel',
  does: "What the channel costs, compared with Node's own TLS.",
  options: {},
});
const ROUNDS = 9;
const SECONDS = 1.5;
const IN_FLIGHT = 64;
const TOTAL = 10_000;
const FRESH_PROCESSES = 15;
const BODY = JSON.stringify({ model: 'echo', messages: [{ role: 'user', content: 'x'.repeat(200) }] });

type Send = (body: string) => Promise<string>;

const start = (name: string): ChildProcess =>
  fork(new URL(`channel/${name}.ts`, import.meta.url), { serialization: 'advanced' });
const child = start('echo-server');
const [server] = (await once(child, 'message')) as [EchoServer];
setDefaultCACertificates([...getCACertificates(), server.certificate]);
const clear = `http://127.0.0.1:${server.plain}`;
const sealed = createSealedFetch({
  config: { keyId: server.keyId, kem: 0x0020, publicKey: decodeHex(server.publicKey) },
  gateway: new URL(`${clear}/ohttp`),
});
const over =
  (send: typeof fetch, origin: string): Send =>
  async (body) =>
    (await send(`${origin}/v1/chat/completions`, { method: 'POST', body })).text();
const viaChannel = over(sealed, clear);
const viaClear = over(fetch, clear);
const viaTls = over(fetch, `https://127.0.0.1:${server.tls}`);

interface Rate {
  readonly perSecond: number;
  /** Processor microseconds a request, all threads. */
  readonly client: number;
  readonly server: number;
}

const total = ({ user, system }: NodeJS.CpuUsage): number => user + system;

async function serverTime(): Promise<number> {
  child.send('usage');
  const [usage] = (await once(child, 'message')) as [NodeJS.CpuUsage];
  return total(usage);
}

/** {@link IN_FLIGHT} callers for {@link SECONDS}. */
async function rate(send: Send): Promise<Rate> {
  const before = { server: await serverTime(), client: total(process.cpuUsage()) };
  const begun = performance.now();
  const end = begun + SECONDS * 1000;
  let done = 0;
  const call = async (): Promise<void> => {
    while (performance.now() < end) {
      if ((await send(BODY)) !== BODY) throw new Error('the echo differs');
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, call));
  const seconds = (performance.now() - begun) / 1000;
  const client = (total(process.cpuUsage()) - before.client) / done;
  return { perSecond: done / seconds, client, server: ((await serverTime()) - before.server) / done };
}

const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Medians of what each takes alone, in milliseconds; they take turns. */
async function latencies(sends: readonly (() => Promise<unknown>)[], count: number): Promise<readonly number[]> {
  const times = sends.map((): number[] => []);
  for (let index = 0; index < count; index += 1) {
    for (const [which, send] of sends.entries()) {
      const begun = performance.now();
      await send();
      times[which]?.push(performance.now() - begun);
    }
  }
  return times.map(middle);
}

await rate(viaChannel);
await rate(viaTls);
const rounds: { readonly channel: Rate; readonly tls: Rate }[] = [];
for (let round = 0; round < ROUNDS; round += 1) rounds.push({ channel: await rate(viaChannel), tls: await rate(viaTls) });

const [oneSealed = 0, oneClear = 0, oneTls = 0] = await latencies(
  [viaChannel, viaClear, viaTls].map((send) => () => send(BODY)),
  600,
);
const firstChunk = async (send: typeof fetch): Promise<void> => {
  const answer = await send(`${clear}/stream`, { method: 'POST', body: '{}' });
  const reader = answer.body?.getReader();
  await reader?.read();
  await reader?.cancel();
};
const [streamSealed = 0, streamClear = 0] = await latencies([() => firstChunk(sealed), () => firstChunk(fetch)], 400);

let [wrong, next] = [0, 0];
const numbered = async (): Promise<void> => {
  while (next < TOTAL) {
    next += 1;
    const body = JSON.stringify({ number: next });
    if ((await viaChannel(body).catch(() => null)) !== body) wrong += 1;
  }
};
await Promise.all(Array.from({ length: IN_FLIGHT }, numbered));

const connects: FirstConnect[] = [];
for (let count = 0; count < FRESH_PROCESSES; count += 1) {
  const client = start('first-connect');
  client.send(server);
  connects.push(((await once(client, 'message')) as [FirstConnect])[0]);
  await once(client, 'exit');
}
const fresh = middle(connects.map((each) => each.fresh));
const plainFetch = middle(connects.map((each) => each.plainFetch));
const again = middle(connects.flatMap((each) => each.again));
const workAfter = connects.reduce((sum, each) => sum + each.attestationWork, 0);

const ratios = rounds.map(({ channel, tls }) => channel.perSecond / tls.perSecond);
const of = (pick: (round: (typeof rounds)[number]) => number): string => middle(rounds.map(pick)).toFixed(0);
const work = rounds.map(({ channel, tls }) => (tls.client + tls.server) / (channel.client + channel.server));
console.log(`load ${loadavg()[0]?.toFixed(1)}, Node ${process.versions.node}, ${ROUNDS} rounds of ${SECONDS} s each

| what | measured | target |
| --- | --- | --- |
| sealed echo over TLS echo, ${IN_FLIGHT} in flight, requests a second (${of((r) => r.channel.perSecond)} and ${of((r) => r.tls.perSecond)}) | ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}, median ${middle(ratios).toFixed(2)} | ≥ 0.6 |
| the same by processor time (sealed: client ${of((r) => r.channel.client)} + server ${of((r) => r.channel.server)} µs; TLS: ${of((r) => r.tls.client)} + ${of((r) => r.tls.server)} µs) | ${middle(work).toFixed(2)} | |
| p50 added to one request in clear (${oneSealed.toFixed(2)} − ${oneClear.toFixed(2)} ms; over TLS ${oneTls.toFixed(2)} ms) | ${(oneSealed - oneClear).toFixed(2)} ms | ≤ 1 ms |
| first streamed chunk later by (${streamSealed.toFixed(2)} − ${streamClear.toFixed(2)} ms) | ${(streamSealed - streamClear).toFixed(2)} ms | ≤ 2 ms |
| ${TOTAL.toLocaleString('en')} requests, ${IN_FLIGHT} in flight: lost or mixed up | ${wrong} | 0 |
| connect with a full TDX verification, collateral supplied: first of a fresh process (whose first \`fetch\` took ${plainFetch.toFixed(1)} ms) | ${fresh.toFixed(1)} ms | ≤ 30 ms |
| the same once the code has run, nothing remembered of the quote, its roots and its collateral | ${again.toFixed(1)} ms | ≤ 30 ms |
| signatures checked and reports fetched by ${100 * FRESH_PROCESSES} requests after a connect | ${workAfter} | 0 |`);
child.disconnect();
process.exit(0);
