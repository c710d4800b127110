/**
 * The guard before a witness that others run: litewitness of filippo.io/torchwood (Go, tried with 0.7.0). `ASSAY_LITEWITNESS` names the binary,
 * as `go install filippo.io/torchwood/cmd/litewitness@v0.7.0` makes it; its key lives in an ssh-agent.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { encodeBase64 } from '@assay/encoding/base64';
import { ED25519_COSIGNATURE, EMPTY_ROOT, formatVerifierKey } from '@assay/receipt';
import { expect, onTestFinished, test } from 'vitest';
import {
  API_KEY,
  type ConfigBody,
  MANIFEST,
  type OwnedAgent,
  startOwnedAgent,
  temporary,
  variableEntry,
} from './owned-agent.ts';

const BINARY = process.env.ASSAY_LITEWITNESS ?? '';
if (!existsSync(BINARY)) process.stderr.write('\nLEFT OUT: the guard before litewitness; ASSAY_LITEWITNESS names its binary\n');
const NAME = 'witness.example/lite';

function child(command: string, args: readonly string[]): ChildProcess {
  const started = spawn(command, args, { stdio: 'ignore' });
  onTestFinished(() => void started.kill('SIGKILL'));
  return started;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A witness with a new key, and the door to its list of logs. */
async function startLitewitness(): Promise<{ url: string; vkey: string; add(origin: string, key: string): void }> {
  const directory = temporary();
  const at = (name: string): string => join(directory, name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at('key')]);
  child('ssh-agent', ['-D', '-a', at('agent.sock')]);
  await expect.poll(() => existsSync(at('agent.sock'))).toBe(true);
  const env = { ...process.env, SSH_AUTH_SOCK: at('agent.sock') };
  execFileSync('ssh-add', ['-q', at('key')], { env, stdio: 'ignore' });
  const [, encoded = ''] = readFileSync(at('key.pub'), 'utf8').split(' ');
  const publicKey = new Uint8Array(Buffer.from(encoded, 'base64').subarray(-32));
  const fingerprint = execFileSync('ssh-keygen', ['-lf', at('key.pub')], { encoding: 'utf8' }).split(' ')[1] ?? '';
  const port = await freePort();
  const listen = `127.0.0.1:${port}`;
  child(BINARY, ['-db', at('db'), '-name', NAME, '-ssh-agent', at('agent.sock'), '-listen', listen, '-key', fingerprint]);
  const url = `http://${listen}`;
  await expect
    .poll(
      () =>
        fetch(url).then(
          () => true,
          () => false,
        ),
      { timeout: 20_000 },
    )
    .toBe(true);
  return {
    url,
    vkey: formatVerifierKey(NAME, ED25519_COSIGNATURE, publicKey),
    add: (origin, key) => {
      const database = new DatabaseSync(at('db'));
      database.prepare('INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)').run(origin, encodeBase64(EMPTY_ROOT));
      database.prepare('INSERT INTO key (origin, key) VALUES (?, ?)').run(origin, key);
      database.close();
    },
  };
}

type Config = ConfigBody & {
  readonly log: { readonly origin: string; readonly verifier_keys: readonly string[] };
  readonly outside_head: { readonly witness: { readonly cosigned_size: number | null } };
};

async function code(agent: OwnedAgent): Promise<unknown> {
  const headers = { authorization: `Bearer ${API_KEY}` };
  const { body } = await agent.post('/api/v1/sign-message', { message: 'hello' }, headers);
  return (body as { readonly code?: unknown }).code;
}

test.skipIf(!existsSync(BINARY))('litewitness cosigns the log, and finds it put back', { timeout: 120_000 }, async () => {
  const witness = await startLitewitness();
  const manifest = { ...MANIFEST, witness: { url: witness.url, vkey: witness.vkey } };
  const directory = temporary();
  const [data, copy] = [join(directory, 'data'), join(directory, 'copy')];
  const agent = await startOwnedAgent({ directory, manifest });
  expect(await code(agent)).toBe('operator/witness-unreachable'); // it does not know the log
  const { log } = (await agent.config()) as Config;
  witness.add(log.origin, log.verifier_keys[0] ?? '');
  expect(await code(agent)).toBe('operator/denied'); // cosigned: the policy is asked
  await agent.agent.close();
  cpSync(data, copy, { recursive: true });
  const second = await startOwnedAgent({ directory, manifest });
  for (let n = 0; n < 3; n += 1) {
    const entry = await variableEntry(await second.config(), 'greeting', `number ${n}`);
    expect((await second.post('/api/v1/variables', { variables: [entry] })).status).toBe(200);
  }
  expect(await code(second)).toBe('operator/denied');
  expect(((await second.config()) as Config).outside_head.witness.cosigned_size).toBeGreaterThan(5);
  await second.agent.close();
  rmSync(data, { recursive: true });
  cpSync(copy, data, { recursive: true });
  expect(await code(await startOwnedAgent({ directory, manifest }))).toBe('operator/state-behind');
});
