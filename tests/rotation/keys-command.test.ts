/** `assay keys` at a running agent: a key is printed once, works, is listed without itself, shows its use, and ends. */

import { expect, it } from 'vitest';
import type { Io } from '../../packages/assay/src/command-line/io.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { startClockedAgent } from './agent.ts';

const OPERATOR_KEY = 'the-key-of-the-operator';

it('adds, lists, shows and revokes', { timeout: 180_000 }, async () => {
  const { url, rootFile } = await startClockedAgent({ ASSAY_OPERATOR_KEY: OPERATOR_KEY });
  const keys = async (args: readonly string[], env: Io['env'] = { ASSAY_OPERATOR_KEY: OPERATOR_KEY }) => {
    const out: string[] = [];
    const err: string[] = [];
    const io: Io = {
      stdin: () => Promise.reject(new Error('no input')),
      stdout: (text) => void out.push(text),
      stderr: (text) => void err.push(text),
      cwd: '/',
      env,
      fetch: globalThis.fetch,
      now: Date.now,
      columns: null,
      interactive: false,
      signal: new AbortController().signal,
    };
    const code = await run(['keys', ...args, '--url', url, '--simulated-root', rootFile], io);
    return { code, out: out.join(''), err: err.join('') };
  };
  const added = await keys(['add', 'team-a', '--scope', 'read', 'work', '--tasks', '9']);
  expect([added.code, added.err.split('\n').length]).toEqual([0, 2]); // the word on the agent alone
  const key = added.out.trim();
  expect(key).toMatch(/^assay_[\w-]{43}$/);
  const ask = async () => (await fetch(`${url}/api/tasks`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect([await ask(), (await fetch(`${url}/api/tasks`)).status]).toEqual([200, 401]);

  const listed = await keys(['list']);
  expect(listed.out).toMatch(/team-a +good +read work +9 tasks/);
  expect(listed.out).not.toContain(key);
  const usage = JSON.parse((await keys(['usage', '--days', '1', '--json'])).out) as { usage: readonly object[] };
  expect(usage.usage).toMatchObject([{ name: 'team-a', requests: 1, tasks: 0 }]);
  expect((await keys(['usage'])).out).toMatch(/day +key +requests +tasks +tokens +bytes\n.*team-a +1 +0/);

  expect((await keys(['revoke', 'team-a'])).out).toContain('team-a: revoked ');
  expect(await ask()).toBe(401);
  const again = await keys(['add', 'team-a']);
  expect([again.code === 0, again.err.includes('choose another')]).toEqual([false, true]);
  for (const [args, words] of [
    [['add', 'b', '--tasks', 'many'], 'whole number'],
    [['add', 'b', '--scope', 'fly'], 'fly'],
    [['revoke', 'nothing'], 'assay keys list'],
    [['revoke', 'taem-a'], 'team-a'],
  ] as const)
    expect([args, (await keys(args)).err.includes(words)]).toEqual([args, true]);
  expect((await keys(['list'], {})).err).toContain('ASSAY_OPERATOR_KEY: expected the operator key');
});
