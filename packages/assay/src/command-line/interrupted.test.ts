/** Which errors are the interrupt of a person: its own reason, also inside of what the platform makes of it; never one with a code of its own. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { CliError } from './errors.ts';
import { interrupted, interruptOf } from './interrupted.ts';

/** An address that takes requests and never answers. */
async function silent(): Promise<string> {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
  ['a request', async (signal) => fetch(await silent(), { signal })],
  [
    'a request with a time limit of its own',
    async (signal) => fetch(await silent(), { signal: AbortSignal.any([signal, AbortSignal.timeout(60_000)]) }),
  ],
  ['a pause', (signal) => sleep(60_000, undefined, { signal })],
  [
    'a stream',
    (signal) => pipeline(new Readable({ read: () => undefined }), new Writable({ write: () => undefined }), { signal }),
  ],
])('%s that it ended', async (_, work) => {
  const controller = new AbortController();
  const reason = interrupted();
  const ended = work(controller.signal).catch((error: unknown) => error);
  setTimeout(() => controller.abort(reason), 20);
  expect(interruptOf(await ended)).toBe(reason);
});

const circular = new Error('its own cause');
circular.cause = circular;

test.each<[string, unknown]>([
  ['an error that is its own cause', circular],
  ['an error with a code, whatever caused it', new CliError('cli/agent-failed', 'x; y', { cause: interrupted() })],
  ['a signal of something else', new DOMException('aborted', 'AbortError')],
  ['a time limit', new DOMException('timeout', 'TimeoutError')],
  ['a fault', new TypeError('x', { cause: 'text' })],
  ['no error', undefined],
])('%s is none', (_, error) => {
  expect(interruptOf(error)).toBeNull();
});
