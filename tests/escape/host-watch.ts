/** The bait on the host, and the look at the host after each probe. */

import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { descendants, readProcesses } from '../../packages/sandbox/src/native/process-tree.ts';

/** Given to every probe as its first argument, in JSON. */
export interface Bait {
  readonly canary: string;
  readonly port: number;
  readonly abstract: string;
  readonly socket: string;
  readonly variable: string;
  readonly secret: string;
  readonly working: string;
}

const ESCAPED_FILE = 'assay-escaped';

export interface HostWatch {
  readonly bait: Bait;
  /** What the probe did to the host; empty when nothing. */
  traces(): readonly string[];
  close(): void;
}

/** Sets the bait: a canary file, listeners on loopback, a socket file and an abstract socket, a secret in the environment. */
export async function watchHost(): Promise<HostWatch> {
  const directory = mkdtempSync(join(existsSync('/var/tmp') ? '/var/tmp' : tmpdir(), 'assay-bait-'));
  const secret = randomBytes(12).toString('hex');
  const bait = {
    canary: join(directory, 'canary'),
    abstract: `assay-bait-${secret.slice(0, 8)}`,
    socket: join(directory, 'agent.sock'),
    variable: 'ASSAY_TEST_SECRET',
    secret,
    working: process.cwd(),
  };
  writeFileSync(bait.canary, secret, { mode: 0o600 });
  process.env[bait.variable] = secret;
  let connections = 0;
  const listen = (where: { readonly host: string; readonly port: number } | { readonly path: string }): Promise<Server> =>
    new Promise((resolve, reject) => {
      const server = createServer((socket) => {
        connections += 1;
        socket.destroy();
      });
      server.once('error', reject);
      server.listen(where, () => resolve(server));
    });
  const servers: readonly Server[] = [
    await listen({ host: '127.0.0.1', port: 0 }),
    await listen({ path: bait.socket }),
    ...(process.platform === 'linux' ? [await listen({ path: `\0${bait.abstract}` })] : []),
  ];
  const address = servers[0]?.address();
  if (address === null || typeof address !== 'object') throw new Error('expected a listener on a port');
  const places = ['/', '/usr', '/usr/bin', '/etc', '/bin', '/run', '/dev', '/var/tmp', '/tmp', directory, process.cwd()];
  return {
    bait: { ...bait, port: address.port },
    traces: () => {
      const found = places.map((place) => join(place, ESCAPED_FILE)).filter((path) => existsSync(path));
      for (const path of found) rmSync(path, { force: true });
      const links = connections === 0 ? [] : [`${connections} connections to the agent`];
      connections = 0;
      return [...found, ...links];
    },
    close: () => {
      for (const server of servers) server.close();
      delete process.env[bait.variable];
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/**
 * Processes of sandboxes that this process started and that are still alive: those below it, and those that got away from it but
 * still carry a directory of its own in their environment.
 */
export function survivors(): readonly string[] {
  if (process.platform !== 'linux') return [];
  const below = new Set(descendants(process.pid).map(({ pid }) => pid));
  return readProcesses()
    .filter(
      ({ pid }) => pid !== process.pid && (below.has(pid) || read(pid, 'environ').includes(`assay-landlock-${process.pid}-`)),
    )
    .map(({ pid }) => `${pid} ${read(pid, 'cmdline').replaceAll('\0', ' ').trim()}`)
    .filter((line) => /runners\/|bwrap|cell\./.test(line));
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
