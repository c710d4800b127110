/** JSON over HTTP to a guest agent on a Unix socket, or at the URL of its simulator: what dstack and the older tappd speak. */

import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { ServerError } from '../../errors.ts';

/** Where a guest agent listens. */
export interface GuestAgentAddress {
  readonly kind: 'socket' | 'url';
  readonly at: string;
}

/** For a whole reply, however slowly it comes, milliseconds. */
const PATIENCE_MS = 30_000;
const MAX_REPLY = 4 * 1024 * 1024; // bytes

/**
 * The first address that is there: the URL or socket of a simulator, else the first of `sockets` that exists.
 * dstack names its simulator in a setting.
 */
export function findGuestAgent(simulator: string | null, sockets: readonly string[]): GuestAgentAddress | null {
  if (simulator !== null) return { kind: simulator.startsWith('http') ? 'url' : 'socket', at: simulator };
  const at = sockets.find((path) => existsSync(path));
  return at === undefined ? null : { kind: 'socket', at };
}

/**
 * Calls a method.
 * @throws {ServerError} `attester/unavailable` when nothing answers, or with an error, or not with a JSON object.
 */
export async function callGuestAgent(
  address: GuestAgentAddress,
  path: string,
  body: object,
  patienceMs: number = PATIENCE_MS,
): Promise<Readonly<Record<string, unknown>>> {
  const { status, text } = await post(address, path, JSON.stringify(body), patienceMs).catch((cause: unknown) => {
    throw new ServerError(
      'attester/unavailable',
      `expected an answer of the guest agent at ${address.at}, got ${reasonOf(cause, patienceMs)}; check that it runs and that its socket is mounted`,
      { cause },
    );
  });
  try {
    const json: unknown = JSON.parse(text);
    if (status === 200 && typeof json === 'object' && json !== null && !Array.isArray(json))
      return json as Readonly<Record<string, unknown>>;
  } catch {
    // Reported below, with the status.
  }
  throw new ServerError(
    'attester/unavailable',
    `expected a JSON object from ${path} of the guest agent, got HTTP ${status}; check its version and log`,
  );
}

function post(
  address: GuestAgentAddress,
  path: string,
  body: string,
  patienceMs: number,
): Promise<{ readonly status: number; readonly text: string }> {
  const target = address.kind === 'socket' ? { socketPath: address.at, path } : urlTarget(address.at, path);
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), host: 'localhost' };
    const request = httpRequest({ ...target, method: 'POST', headers, signal: AbortSignal.timeout(patienceMs) }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_REPLY) request.destroy(new Error(`a reply of more than ${MAX_REPLY} bytes`));
        chunks.push(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

function reasonOf(cause: unknown, patienceMs: number): string {
  const { name, code, message } = cause as NodeJS.ErrnoException;
  return name === 'AbortError' || name === 'TimeoutError' ? `none within ${patienceMs} ms` : (code ?? message);
}

function urlTarget(base: string, path: string): { readonly host: string; readonly port: string; readonly path: string } {
  const url = new URL(base);
  return { host: url.hostname, port: url.port || '80', path: `${url.pathname.replace(/\/$/, '')}${path}` };
}
