/**
 * The network of a Nitro enclave, which has none but a vsock to its parent (CID 3). Two ways:
 * - `gvproxy`: the parent runs gvproxy (https://github.com/containers/gvisor-tap-vsock); its partner gvforwarder moves Ethernet frames between a
 *   tap device here and vsock port 1024 there. The enclave has the address 192.168.127.2, names are answered by 192.168.127.1.
 * - `vsock`: socat hands connections of one vsock port on to the agent. There is no way out, so only an embedded model serves.
 * The parent sees and can change every packet either way: nothing here is trusted, clients verify keys.
 */

import { Resolver } from 'node:dns/promises';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServerError } from '../errors.ts';
import type { Programs } from './programs.ts';

export type EnclaveNetwork = 'gvproxy' | 'vsock';

const PARENT = 3; // VMADDR_CID of the parent instance
const FRAMES_PORT = 1024; // vsock port of gvproxy
const GATEWAY = '192.168.127.1';
/** What gvproxy calls itself in its own zone. */
const GATEWAY_NAME = 'gateway.containers.internal';
/** As gvproxy's default configuration gives them to its first guest. */
export const ENCLAVE_ADDRESS = '192.168.127.2';
const ENCLAVE_MAC = '5a:94:ef:e4:0c:ee';
const TRIES = 40;
const PAUSE_MS = 250;

export interface NetworkOptions {
  readonly programs: Programs;
  /** The agent's port: the vsock port that clients are handed on from. */
  readonly port: number;
  /** Where names are looked up; `/etc/resolv.conf` in an enclave. */
  readonly resolvConf?: string;
  /** Where gvforwarder finds gvproxy; by default the parent's vsock. */
  readonly frames?: string;
  /** True once the other side answers. */
  readonly answers?: () => Promise<boolean>;
  /** Milliseconds between two looks. */
  readonly pauseMs?: number;
}

/**
 * Brings the network up, and keeps its program running.
 * @throws {ServerError} `network/unavailable` when the parent does not answer within some ten seconds, or a program fails.
 * @example await bringUpNetwork('gvproxy', { programs: systemPrograms, port: 7047 })
 */
export async function bringUpNetwork(kind: EnclaveNetwork, options: NetworkOptions): Promise<void> {
  const { programs, port } = options;
  await programs.run('ip', ['link', 'set', 'lo', 'up']);
  if (kind === 'vsock') {
    programs.keep('socat', [`VSOCK-LISTEN:${port},fork,reuseaddr`, `TCP4:127.0.0.1:${port}`]);
    return;
  }
  const { resolvConf = '/etc/resolv.conf', frames = `vsock://${PARENT}:${FRAMES_PORT}/connect`, pauseMs = PAUSE_MS } = options;
  await programs.run('ip', ['tuntap', 'add', 'dev', 'tap0', 'mode', 'tap']);
  await programs.run('ip', ['link', 'set', 'dev', 'tap0', 'address', ENCLAVE_MAC]);
  await programs.run('ip', ['link', 'set', 'dev', 'tap0', 'mtu', '1500', 'up']);
  await programs.run('ip', ['address', 'add', `${ENCLAVE_ADDRESS}/24`, 'dev', 'tap0']);
  await programs.run('ip', ['route', 'add', 'default', 'via', GATEWAY]);
  await writeFile(resolvConf, `nameserver ${GATEWAY}\n`);
  programs.keep('gvforwarder', ['-url', frames, '-iface', 'tap0', '-preexisting', '-stop-if-exist', '']);
  const { answers = gatewayAnswers } = options;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    if (await answers()) return;
    await sleep(pauseMs);
  }
  throw new ServerError(
    'network/unavailable',
    `expected gvproxy on the parent instance to answer at ${GATEWAY}, got nothing in ${TRIES} tries; start deploy/nitro/gvproxy.sh there first`,
  );
}

async function gatewayAnswers(): Promise<boolean> {
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([GATEWAY]);
  return resolver.resolve4(GATEWAY_NAME).then(
    () => true,
    () => false,
  );
}
