/** The platform's secret, by a stand-in of dstack's guest agent: there while a command works on the store, and cleared after. */

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transcript } from '@assay/testing';
import { expect, onTestFinished, test } from 'vitest';
import { withOpenedPlace } from './kept-place.ts';

const KEY = '5a'.repeat(32);

async function ioWithGuest() {
  const folder = mkdtempSync(join(tmpdir(), 'assay-place-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const server = createServer((_, response) => void response.end(JSON.stringify({ key: KEY })));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const socket = join(folder, 'agent.sock');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const env = { ASSAY_DATA_DIR: folder, ASSAY_ATTESTER: 'dstack', DSTACK_SIMULATOR_ENDPOINT: socket };
  return { folder, io: transcript({ cwd: folder, now: 0, env }) };
}

test.each([
  ['comes to something', async () => 'done'],
  ['fails', () => Promise.reject(new Error('done'))],
])('is cleared after work that %s', async (_, work) => {
  const { io, folder } = await ioWithGuest();
  const given: Uint8Array[] = [];
  const ended = withOpenedPlace(io, async ({ directory, platformSecret }) => {
    given.push(platformSecret!.bytes);
    expect([directory, Buffer.from(platformSecret!.bytes).toString('hex')]).toEqual([folder, KEY]);
    return work();
  }).catch(({ message }: Error) => message);
  expect(await ended).toBe('done');
  expect(given).toEqual([new Uint8Array(32)]);
});
