/** A change in a file: shown, signed once by each owner, and left as it was where it is refused. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownerMessageHash, parseOwnerMessage, recoverSigner } from '@assay/operator';
import { expectRefusal, FAKE_NOW, transcript } from '@assay/testing';
import { afterAll, expect, test } from 'vitest';
import { pauseMessage } from '../owners/control-change.ts';
import { expiryOf, signFile } from './owner-change.ts';

const AGENT = `0x${'aa'.repeat(32)}` as const;
const directory = mkdtempSync(join(tmpdir(), 'assay-change-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = join(directory, 'change.json');
const expiry = FAKE_NOW / 1000 + 600;
const message = pauseMessage({ agentId: AGENT, current: { version: 0, change_hash: AGENT }, expiry }, true);
const signer = '0x1563915e194d8cfba1943570603f7606a3115508';
const io = transcript({ cwd: directory, now: FAKE_NOW, env: { ASSAY_OWNER_KEY: '22'.repeat(32) } });
const flags = { agentId: AGENT, type: 'SetPaused' };

test('an owner is added once', async () => {
  writeFileSync(file, JSON.stringify({ message, signatures: [] }));
  for (let time = 0; time < 2; time += 1) expect(await signFile(file, flags, io)).toBe(0);
  const { signatures } = JSON.parse(readFileSync(file, 'utf8')) as { readonly signatures: readonly `0x${string}`[] };
  const hash = ownerMessageHash(parseOwnerMessage(message));
  expect(signatures.map((each) => recoverSigner(hash, each))).toEqual([signer]);
});

test.each([
  ['another type than was meant', { message, signatures: [] }, { ...flags, type: 'SetPolicy' }, '--type SetPaused'],
  ['no agent id', { message, signatures: [] }, { type: 'SetPaused' }, '--agent-id'],
  ['no change', { rules: [] }, flags, 'assay owners'],
  ['signatures that are no list', { message, signatures: 'none' }, flags, 'assay owners'],
])('%s is refused', async (_, content, given, word) => {
  const text = JSON.stringify(content);
  writeFileSync(file, text);
  await expectRefusal(() => signFile(file, given, io), 'cli/bad-option', [word]);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('a message is good for the seconds that were given', async () => {
  expect(expiryOf({ expires: '600' }, io)).toBe(expiry);
  for (const expires of ['0', 'soon', '-1', '1e3']) await expectRefusal(() => expiryOf({ expires }, io), 'cli/bad-option', []);
});
