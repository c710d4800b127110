/** A key comes from a file or the environment, and is a key; of a file that is not there only its own name is said. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectRefusal, FAKE_NOW, transcript } from '@assay/testing';
import { afterAll, expect, test } from 'vitest';
import { ownerKeys } from './owner-keys.ts';

const directory = mkdtempSync(join(tmpdir(), 'assay-keys-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
writeFileSync(join(directory, 'owner.key'), `0x${'22'.repeat(32)}\n`);
writeFileSync(join(directory, 'zero.key'), '00'.repeat(32));
writeFileSync(join(directory, 'words.key'), 'twelve words of a wallet');
const io = transcript({ cwd: directory, now: FAKE_NOW });

test('of a file, and of the environment', async () => {
  const key = new Uint8Array(32).fill(0x22);
  expect(await ownerKeys(['owner.key'], io)).toEqual([key]);
  expect(await ownerKeys([], { ...io, env: { ASSAY_OWNER_KEY: '22'.repeat(32) } })).toEqual([key]);
});

test.each([
  ['none at all', [], 'cli/bad-option', 'ASSAY_OWNER_KEY'],
  ['words', ['words.key'], 'cli/bad-option', '64 hex characters'],
  ['zeros', ['zero.key'], 'operator/key-malformed', 'openssl'],
  ['a folder', ['.'], 'cli/file-unreadable', 'a folder'],
])('%s', async (_, files, code, words) => {
  await expectRefusal(() => ownerKeys(files, io), code, [words]);
});

test('a misspelled name does not bring up the name of another key', async () => {
  const message = await expectRefusal(() => ownerKeys(['ownr.key'], io), 'cli/file-unreadable', ['ownr.key', 'check the path']);
  expect(message).not.toContain('owner.key');
});
