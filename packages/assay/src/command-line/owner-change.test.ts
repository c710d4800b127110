/** A change in a file: shown, signed once by each owner, and left as it was where it is refused. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownerMessageHash, parseOwnerMessage, recoverSigner } from '@assay/operator';
import { expectRefusal, FAKE_NOW, shownConfig, shownControl, transcript } from '@assay/testing';
import { afterAll, expect, test } from 'vitest';
import { ownersMessage, pauseMessage } from '../owners/control-change.ts';
import { parseShownAgent } from '../owners/shown-agent.ts';
import { expiryOf, signAndPass, signFile } from './owner-change.ts';

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

const OTHER = '0x5cbdd86a2fa8dc4bddd8a8f69dba48572eec07fb';
const resume = pauseMessage({ agentId: AGENT, current: { version: 0, change_hash: AGENT }, expiry }, false);
const owned = (threshold: number) =>
  parseShownAgent(shownConfig({ control: shownControl({ owners: { addresses: [signer, OTHER], threshold } }) }));

const KEY = 'cd'.repeat(32);
const STRANGER = { ...io, env: { ASSAY_OWNER_KEY: KEY } };

test('a key of a stranger, and a message that no agent takes, are refused before anything is written', async () => {
  const save = join(directory, 'saved.json');
  const call = { agent: {} as never, flags: { expires: '600', save }, io };
  const owners = owned(1);
  await expectRefusal(() => signAndPass({ message }, owners, { ...call, io: STRANGER }), 'cli/bad-option', ['who is none']);
  const many = Array.from({ length: 70 }, (_, index) => `0x${String(index).padStart(40, '0')}` as const);
  const set = ownersMessage(
    { agentId: AGENT, current: { version: 0, change_hash: AGENT }, expiry },
    { owners: many, threshold: 1 },
  );
  await expectRefusal(() => signAndPass({ message: set }, owners, call), 'operator/message-malformed', []);
  expect(existsSync(save)).toBe(false);
});

test('what was saved is told as JSON too', async () => {
  const save = join(directory, 'saved.json');
  const told = transcript({ cwd: directory, now: FAKE_NOW, env: { ASSAY_OWNER_KEY: '22'.repeat(32) } });
  const call = { agent: {} as never, flags: { expires: '600', save, json: true }, io: told };
  expect(await signAndPass({ message: resume }, owned(2), call)).toBe(0);
  expect(JSON.parse(told.out())).toMatchObject({ saved: save, signers: [signer], needed: 2 });
});

test.each([
  ['a hash without its policy', { policyHash: AGENT }, undefined, 'operator/value-mismatch'],
  [
    'another policy than the one of the hash',
    { policyHash: AGENT },
    { v: 'assay-operator-policy/1', chains: {}, rules: [] },
    'operator/value-mismatch',
  ],
])('%s is not signed', async (_, fields, policy, code) => {
  const policyMessage = { type: 'SetPolicy', fields: { agentId: AGENT, version: 1, previousHash: AGENT, expiry, ...fields } };
  const text = JSON.stringify({ message: policyMessage, signatures: [], policy });
  writeFileSync(file, text);
  await expectRefusal(() => signFile(file, { ...flags, type: 'SetPolicy' }, io), code, []);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('a policy that is taken away is said in words', async () => {
  const none = {
    type: 'SetPolicy',
    fields: { agentId: AGENT, version: 1, previousHash: AGENT, expiry, policyHash: `0x${'00'.repeat(32)}` },
  };
  writeFileSync(file, JSON.stringify({ message: none, signatures: [] }));
  const told = transcript({ cwd: directory, now: FAKE_NOW, env: { ASSAY_OWNER_KEY: '22'.repeat(32) } });
  expect(await signFile(file, { ...flags, type: 'SetPolicy' }, told)).toBe(0);
  expect(told.out()).toContain('takes the policy away: nothing is signed then');
});

test.each([
  ['what is no signature', ['0x00']],
  ['a number', [7]],
])('%s among the signatures is refused', async (_, signatures) => {
  writeFileSync(file, JSON.stringify({ message, signatures }));
  await expectRefusal(() => signFile(file, flags, io), 'operator/message-malformed', ['signatures[0]']);
});

const links = { agentId: AGENT, version: 1, previousHash: AGENT, expiry };
const many = Array.from({ length: 7000 }, (_, index) => `0x${String(index).padStart(130, '0')}`);

test.each<[string, object, typeof flags | { readonly type: string }, string, string?]>([
  ['another type than was meant', { message, signatures: [] }, { ...flags, type: 'SetPolicy' }, '--type SetPaused'],
  ['no agent id', { message, signatures: [] }, { type: 'SetPaused' }, '--agent-id'],
  ['no change', { rules: [] }, flags, 'assay owners', 'operator/message-malformed'],
  ['signatures that are no list', { message, signatures: 'none' }, flags, 'assay owners', 'operator/message-malformed'],
  [
    'a set of owners that can change nothing any more',
    { message: { type: 'SetOwners', fields: { ...links, owners: [signer], threshold: 2 } }, signatures: [] },
    { ...flags, type: 'SetOwners' },
    'can reach',
    'operator/message-malformed',
  ],
  ['7000 signatures', { message, signatures: many }, flags, 'got 7000', 'operator/message-malformed'],
])('%s is refused', async (_, content, given, word, code = 'cli/bad-option') => {
  const text = JSON.stringify(content);
  writeFileSync(file, text);
  await expectRefusal(() => signFile(file, given, io), code, [word]);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('a message is good for the seconds that were given', async () => {
  expect(expiryOf({ expires: '600' }, io)).toBe(expiry);
  for (const expires of ['0', 'soon', '-1', '1e3']) await expectRefusal(() => expiryOf({ expires }, io), 'cli/bad-option', []);
});

test('a key that is given twice signs once', async () => {
  const save = join(directory, 'twice.json');
  writeFileSync(join(directory, 'owner.key'), '22'.repeat(32));
  const call = { agent: {} as never, flags: { expires: '600', save, keyFile: ['owner.key', 'owner.key'] }, io };
  expect(await signAndPass({ message: resume }, owned(2), call)).toBe(0);
  expect((JSON.parse(readFileSync(save, 'utf8')) as { readonly signatures: readonly string[] }).signatures).toHaveLength(1);
});
