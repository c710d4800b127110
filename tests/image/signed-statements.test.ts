/** Statements of images, signed under a release key, make a policy; a statement that another key signed, or that was changed, makes none. */

import { spawnSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statementOf } from '@assay/reference-values';
import { transcript } from '@assay/testing';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { releaseKey, signedStatement } from '../../image/sign.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519').privateKey;

function statement(version: string, minimumVersion?: string): string {
  const values = { pcr0: version.slice(-1).repeat(96) };
  return JSON.stringify(
    statementOf({ type: 'nitro', values, facts: {}, inputs: {}, notComputed: [] }, { version, minimumVersion }),
  );
}

let place = '';
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'assay-signed-'));
  writeFileSync(join(place, 'release.pub'), publicKey.export({ format: 'pem', type: 'spki' }));
  writeFileSync(
    join(place, 'rsa.pub'),
    generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'pem', type: 'spki' }),
  );
  const envelope = (name: string, text: string, key: KeyObject): void =>
    writeFileSync(join(place, name), JSON.stringify(signedStatement(text, key)));
  envelope('old.json', statement('0.1.4'), privateKey);
  envelope('new.json', statement('0.1.6', '0.1.5'), privateKey);
  envelope('foreign.json', statement('0.1.7'), other);
  const { payload: _, ...rest } = signedStatement(statement('0.1.6'), privateKey);
  writeFileSync(
    join(place, 'changed.json'),
    JSON.stringify({ ...rest, payload: Buffer.from(statement('0.1.8')).toString('base64') }),
  );
  writeFileSync(join(place, 'bare.json'), statement('0.1.6'));
  return () => rmSync(place, { recursive: true });
});

async function policy(key: string, ...files: readonly string[]) {
  const io = transcript({ cwd: place, now: 0 });
  return { code: await run(['policy', 'from-releases', '--key', key, ...files], io), out: io.out(), err: io.err() };
}

test('releases that the key signed make a policy, without those below their floor', async () => {
  const { code, out, err } = await policy('release.pub', 'old.json', 'new.json');
  expect([code, err]).toEqual([0, expect.stringContaining('below the floor 0.1.5: 0.1.4')]);
  expect(JSON.parse(out)).toMatchObject({
    types: ['nitro'],
    measurements: [{ name: '0.1.6', values: { pcr0: ['6'.repeat(96)] } }],
    description: expect.stringContaining('signed by the key in release.pub'),
  });
});

test.each([
  ['of another key', 'release.pub', 'foreign.json', 3, 'envelope/signature-invalid'],
  ['with another payload', 'release.pub', 'changed.json', 3, 'envelope/signature-invalid'],
  ['without a signature', 'release.pub', 'bare.json', 2, 'envelope/malformed'],
  ['under a key of another kind', 'rsa.pub', 'new.json', 1, 'cli/bad-option'],
])('one statement %s, and there is no policy', async (_name, key, file, exit, words) => {
  const { code, out, err } = await policy(key, 'new.json', file);
  expect([code, out]).toEqual([exit, '']);
  expect(err).toContain(words);
});

test('a key with a passphrase is refused, with what to do', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }).toString();
  expect(() => releaseKey(pem)).toThrow(/^expected a private key without a passphrase, got an encrypted one; .*openssl pkey/);
});

test('the program signs every statement of an image, and refuses another kind of key', () => {
  const image = mkdtempSync(join(tmpdir(), 'assay-image-'));
  onTestFinished(() => rmSync(image, { recursive: true }));
  mkdirSync(join(image, 'statements'));
  writeFileSync(join(image, 'statements/nitro.json'), statement('0.1.6'));
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  writeFileSync(join(image, 'key.pem'), pem);
  const program = new URL('../../image/sign.ts', import.meta.url).pathname;
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@assay/source', program, image, '--key', join(image, 'key.pem')],
    {
      encoding: 'utf8',
    },
  );
  expect([status, stderr]).toEqual([0, '']);
  const written = JSON.parse(readFileSync(join(image, 'statements/nitro.dsse.json'), 'utf8'));
  expect(written).toEqual(signedStatement(statement('0.1.6'), createPrivateKey(pem)));
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ format: 'pem', type: 'pkcs8' })
    .toString();
  expect(() => releaseKey(rsa)).toThrow(/expected an Ed25519 key, got rsa; make one/);
});
