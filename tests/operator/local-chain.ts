/**
 * A local chain for tests: anvil from npm (`@foundry-rs/anvil` 1.7.1), which the gate installs and a plain install does not. Without it the
 * tests say loudly that they were left out.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createPublicClient, createTestClient, http, type PublicClient, type TestClient } from 'viem';
import { foundry } from 'viem/chains';
import { onTestFinished } from 'vitest';

const PLACES = [process.env.ASSAY_ANVIL, new URL('../../.cache/anvil', import.meta.url).pathname];

/** The binary, or `null`. */
export const ANVIL: string | null =
  PLACES.flatMap((place) =>
    place === undefined
      ? []
      : [
          join(
            place,
            'node_modules',
            '@foundry-rs',
            `anvil-${process.platform}-${process.arch === 'x64' ? 'amd64' : 'arm64'}`,
            'bin',
            'anvil',
          ),
        ],
  ).find((path) => existsSync(path)) ?? null;

if (ANVIL === null)
  process.stderr.write('\nLEFT OUT: tests against a local chain; node tools/install-anvil.mjs installs anvil for them\n');

export interface LocalChain {
  readonly url: string;
  readonly chainId: number;
  readonly client: PublicClient;
  readonly test: TestClient;
  fund(address: `0x${string}`, wei: bigint): Promise<void>;
  /** Ends the node; `start` begins it again on the same port with the state that it dumped. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface LocalChainOptions {
  readonly chainId?: number;
  /** Blocks are mined when the test says so. */
  readonly manual?: boolean;
  /** Rules of the chain; anvil's newest unless given. */
  readonly hardfork?: 'prague';
  /** File of the state over restarts. */
  readonly state?: string;
}

export async function startLocalChain(options: LocalChainOptions = {}): Promise<LocalChain> {
  const { chainId = 84_532, manual = false, hardfork, state } = options;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    const args = ['--port', String(port), '--chain-id', String(chainId), '--silent'];
    if (manual) args.push('--no-mining');
    if (hardfork !== undefined) args.push('--hardfork', hardfork);
    if (state !== undefined) args.push('--state', state);
    child = spawn(ANVIL ?? 'anvil', args, { stdio: 'ignore' });
    await answering(url);
  };
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      if (child === null || child.exitCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill('SIGINT');
    });
  await start();
  onTestFinished(stop);
  const chain = { ...foundry, id: chainId };
  const transport = http(url, { retryCount: 0 });
  const test = createTestClient({ mode: 'anvil', chain, transport });
  return {
    url,
    chainId,
    client: createPublicClient({ chain, transport, pollingInterval: 50 }) as PublicClient,
    test,
    fund: (address, wei) => test.setBalance({ address, value: wei }),
    stop,
    start,
  };
}

async function freePort(): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answering(url: string): Promise<void> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] });
  for (let tries = 0; tries < 400; tries += 1) {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).catch(
      () => null,
    );
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`no chain answers at ${url}`);
}
