/**
 * A relying party that starts, connects once and asks: what `connect()` takes in a fresh process and again with nothing remembered,
 * and what the requests after it do. Started by `bench/channel.ts`.
 */

import nodeCrypto from 'node:crypto';
import { connect } from 'assay';
import type { EchoServer } from './echo-server.ts';

/** All times in milliseconds. */
export interface FirstConnect {
  readonly fresh: number;
  /** A plain `fetch` of the report before it, the first of the process. */
  readonly plainFetch: number;
  /** Later connects of the same process, roots and collateral as new arrays, so that nothing is remembered of them. */
  readonly again: readonly number[];
  /** What the requests after a connect asked for beside the gateway, and how many signatures they checked. */
  readonly attestationWork: number;
}

const AGAIN = 30;
const REQUESTS = 100;

let attestationWork = 0;
for (const library of [crypto.subtle, nodeCrypto] as { verify(...parameters: unknown[]): unknown }[]) {
  const { verify } = library;
  library.verify = (...parameters) => {
    attestationWork += 1;
    return verify.apply(library, parameters);
  };
}
const counting: typeof fetch = (input, init) => {
  if (!String(input).endsWith('/ohttp')) attestationWork += 1;
  return fetch(input, init);
};

process.once('message', async ({ plain, collateral }: EchoServer) => {
  const url = `http://127.0.0.1:${plain}`;
  const { now } = collateral;
  const timed = async () => {
    const options = { anchors: [...collateral.anchors], endorsements: [...collateral.endorsements], now: () => now };
    const begun = performance.now();
    const agent = await connect(url, { ...options, fetch: counting });
    return { agent, took: performance.now() - begun };
  };
  const begun = performance.now();
  await (await fetch(`${url}/v1/aci/attestation?nonce=${'00'.repeat(32)}`)).arrayBuffer();
  const plainFetch = performance.now() - begun;
  const { agent, took: fresh } = await timed();
  const { outcome, simulated } = agent.attested.verdict;
  if (outcome !== 'accepted' || simulated || agent.attested.report.evidence.quote === undefined || attestationWork < 10)
    throw new Error('expected a TDX quote that was verified');
  attestationWork = 0;
  for (let index = 0; index < REQUESTS; index += 1) {
    const answer = await agent.fetch(`${agent.baseURL}/chat/completions`, { method: 'POST', body: String(index) });
    if ((await answer.text()) !== String(index)) throw new Error('the echo differs');
  }
  const after = attestationWork;
  const again: number[] = [];
  for (let index = 0; index < AGAIN; index += 1) again.push((await timed()).took);
  process.send?.({ fresh, plainFetch, again, attestationWork: after } satisfies FirstConnect, () => process.disconnect());
});
