/** What is wrong with a policy or a set of owners is said before an agent is asked or a key is read. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAKE_NOW, transcript } from '@assay/testing';
import { afterAll, expect, test } from 'vitest';
import { run } from '../command-line/program.ts';

const directory = mkdtempSync(join(tmpdir(), 'assay-owners-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
writeFileSync(join(directory, 'policy.json'), '{"v":"assay-operator-policy/1","chains":{},"rules":[]}');
writeFileSync(join(directory, 'evidence.json'), '{"version":1,"name":"strict"}');
const OWNER = '0x1563915e194d8cfba1943570603f7606a3115508';

test.each([
  ['no policy', ['set-policy'], 1, 'got neither'],
  ['two', ['set-policy', 'policy.json', '--none'], 1, 'got both'],
  ['a file that is absent', ['set-policy', 'polcy.json'], 1, 'did you mean policy.json?'],
  ['a policy for evidence', ['set-policy', 'evidence.json'], 2, 'operator/policy-malformed'],
  ['a mistyped address', ['set', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD', '--threshold', '1'], 1, 'EIP-55'],
  ['no owner', ['set', '--threshold', '1'], 1, 'address'],
  ['an address that is cut', ['set', OWNER.slice(0, 20), '--threshold', '1'], 1, '40 hex characters'],
  ['a threshold that no set can reach', ['set', OWNER, '--threshold', '2'], 1, 'from 1 to 1'],
  ['one owner named twice', ['set', OWNER, OWNER.toUpperCase().replace('X', 'x'), '--threshold', '2'], 1, 'from 1 to 1'],
  ['no threshold', ['set', OWNER], 1, '--threshold'],
])('%s', async (_, args, code, word) => {
  const asked: unknown[] = [];
  const fetch = async (url: unknown): Promise<Response> => {
    asked.push(url);
    throw new TypeError('fetch failed');
  };
  const io = transcript({ cwd: directory, now: FAKE_NOW, fetch: fetch as typeof globalThis.fetch });
  expect([await run(['owners', ...args], io), io.err()]).toEqual([code, expect.stringContaining(word)]);
  expect(asked).toEqual([]);
});

test.each([
  ['as EIP-55 writes it', ['address', 'owner.key'], /^0x1563915E194D8CfBA1943570603F7606A3115508\n$/i],
  ['for programs', ['address', 'owner.key', '--json'], /"address": "0x1563915E194D8CfBA1943570603F7606A3115508"/i],
])('the address of a key, %s, and the agent is not asked', async (_, args, shown) => {
  writeFileSync(join(directory, 'owner.key'), '22'.repeat(32));
  const io = transcript({ cwd: directory, now: FAKE_NOW, fetch: () => Promise.reject(new TypeError('fetch failed')) });
  expect([await run(['owners', ...args], io), io.err()]).toEqual([0, '']);
  expect(io.out()).toMatch(shown);
  expect(io.out()).not.toContain('0x1563915e194d8cfba1943570603f7606a3115508');
});

test.each([
  ['owners', 'set', '--threshold'],
  ['variables', 'set', '--immutable'],
  ['model', 'fetch', '--from'],
])('assay help %s %s prints the help of the subcommand', async (command, inner, option) => {
  const io = transcript({ cwd: directory, now: FAKE_NOW });
  expect(await run(['help', command, inner], io)).toBe(0);
  expect(io.out()).toContain(`Usage: assay ${command} ${inner}`);
  expect(io.out()).toContain(option);
});

test('the agent is asked for what only it knows', async () => {
  const fetch = (): Promise<Response> => Promise.reject(new TypeError('fetch failed'));
  const io = transcript({ cwd: directory, now: FAKE_NOW, fetch });
  expect(await run(['owners', 'set-policy', 'policy.json', '--key-file', 'owner.key'], io)).toBe(4);
  expect(io.err()).toContain('cli/agent-unreachable');
});
