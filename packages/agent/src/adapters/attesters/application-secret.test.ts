/** The application's secret by a stand-in of dstack's guest agent: an agent and the commands on its store seal and open the data key under it. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { checkLog, type PlatformSecret } from '@assay/ledger';
import { expectRefusal } from '@assay/testing';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../config.ts';
import { startAgent } from '../../main.ts';
import { findApplicationSecret } from './application-secret.ts';
import { createSimulatedAttester } from './simulated/simulated.ts';

const KEY = '5a'.repeat(32);

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-secret-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The socket of a guest agent that gives one key. */
async function guestWith(key: string): Promise<string> {
  const server = createServer(async (request, response) => {
    const { path } = (await new Response(Readable.toWeb(request) as ReadableStream).json()) as { readonly path: string };
    // The wallet's root is another one.
    const given = path === 'assay/data-key/1' ? key : 'ff'.repeat(32);
    response.end(JSON.stringify({ key: given, k256_key: given }));
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const path = join(folder(), 'agent.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

const none = { dstack: null, tappd: null };

test('is the guest agent’s, where the settings let an agent attest by it', async () => {
  const socket = await guestWith(KEY);
  const secret = { bytes: new Uint8Array(32).fill(0x5a), simulated: true };
  expect(await findApplicationSecret({ choice: 'auto', simulators: { ...none, dstack: socket } })).toEqual(secret);
  expect(await findApplicationSecret({ choice: 'dstack', simulators: { ...none, dstack: socket } })).toEqual(secret);
  expect(await findApplicationSecret({ choice: 'tappd', simulators: { ...none, tappd: socket } })).toEqual(secret);
  expect(await findApplicationSecret({ choice: 'simulated', simulators: { ...none, dstack: socket } })).toBeNull();
  const broken = await guestWith('00');
  await expectRefusal(
    findApplicationSecret({ choice: 'dstack', simulators: { ...none, dstack: broken } }),
    'attester/unavailable',
    ['a key of 32 bytes'],
  );
});

test('seals the data key of an agent, and another application does not open it', { timeout: 120_000 }, async () => {
  const directory = folder();
  const socket = await guestWith(KEY);
  const given: Uint8Array[] = [];
  const run = async (dstack: string): Promise<void> => {
    const dataKeySecret = async () => {
      const { bytes } = (await findApplicationSecret({ choice: 'dstack', simulators: { ...none, dstack } })) as PlatformSecret;
      given.push(bytes);
      return bytes;
    };
    const simulated = await createSimulatedAttester({ directory });
    const attester = { ...simulated, dataKeySecret };
    const settings = { AGENT_PORT: '0', ASSAY_DATA_DIR: directory, AI_PROVIDER: 'recorded' };
    await (await startAgent(parseConfig(settings), { log: pino({ level: 'silent' }), attester })).close(0);
  };
  await run(socket);
  expect(JSON.parse(readFileSync(join(directory, 'data-key.json'), 'utf8'))).toMatchObject({
    v: 2,
    by: 'simulator',
    sealed: expect.any(String),
  });
  expect(given).toEqual([new Uint8Array(32)]); // cleared after use
  await run(socket);
  await expectRefusal(run(await guestWith('5b'.repeat(32))), 'ledger/bad-key-file', ["this application's secret"]);
  const platformSecret = await findApplicationSecret({ choice: 'dstack', simulators: { ...none, dstack: socket } });
  expect(await checkLog({ directory, platformSecret })).toMatchObject({ problems: [] });
});
