/** The operator's road to new keys: its own key, which opens nothing else, over HTTP and the command line. */

import { expect, it } from 'vitest';
import type { Io } from '../../packages/assay/src/command-line/io.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { startClockedAgent } from './agent.ts';

const API_KEY = 'the-key-of-the-clients';
const OPERATOR_KEY = 'the-key-of-the-operator';

async function rotate(url: string, headers: Record<string, string>, body?: string): Promise<{ status: number; code: unknown }> {
  const answer = await fetch(`${url}/api/operator/rotate-keys`, {
    method: 'POST',
    headers,
    ...(body === undefined ? {} : { body }),
  });
  return { status: answer.status, code: ((await answer.json()) as { code?: unknown }).code };
}

it('takes the operator key and no other, which in turn opens nothing else', { timeout: 180_000 }, async () => {
  const { url, keysetDigest } = await startClockedAgent({ ASSAY_API_KEY: API_KEY, ASSAY_OPERATOR_KEY: OPERATOR_KEY });
  const before = await keysetDigest();
  for (const headers of [
    {},
    { 'x-operator-key': 'a-guess-of-somebody' },
    { authorization: `Bearer ${API_KEY}` },
    { 'x-operator-key': API_KEY },
  ] as Record<string, string>[])
    expect(await rotate(url, headers)).toEqual({ status: 401, code: 'http/unauthorized' });
  for (const body of ['x', '[]', '7', '{"overlap_seconds":-1}', '{"overlap_seconds":1.5}', '{"overlap":0}'])
    expect(await rotate(url, { 'x-operator-key': OPERATOR_KEY }, body), body).toEqual({
      status: 400,
      code: 'http/bad-parameter',
    });
  expect(await keysetDigest()).toBe(before);
  expect((await fetch(`${url}/api/status`, { headers: { authorization: `Bearer ${OPERATOR_KEY}` } })).status).toBe(401);
  expect((await fetch(`${url}/api/receipts`, { headers: { 'x-operator-key': OPERATOR_KEY } })).status).toBe(401);

  expect((await rotate(url, { 'x-operator-key': OPERATOR_KEY })).status).toBe(200);
  const status = await fetch(`${url}/api/status`, { headers: { authorization: `Bearer ${API_KEY}` } });
  const { keyset } = (await status.json()) as { keyset: { digest: string; ending: { digest: string }[]; failure: unknown } };
  expect(keyset.digest).not.toBe(before);
  expect(keyset.ending.map(({ digest }) => digest)).toEqual([before]);
  expect(keyset.failure).toBeNull();

  // Old keysets do not pile up: while seven still open requests there is no eighth, unless they are ended.
  for (let n = 2; n <= 7; n += 1) expect((await rotate(url, { 'x-operator-key': OPERATOR_KEY })).status, String(n)).toBe(200);
  expect(await rotate(url, { 'x-operator-key': OPERATOR_KEY })).toEqual({ status: 409, code: 'http/conflict' });
});

it('is closed without an operator key in the settings', { timeout: 180_000 }, async () => {
  const { url } = await startClockedAgent();
  expect(await rotate(url, { 'x-operator-key': '' })).toEqual({ status: 401, code: 'http/unauthorized' });
  expect(await rotate(url, { 'x-operator-key': 'null' })).toEqual({ status: 401, code: 'http/unauthorized' });
});

it('assay operator rotate-keys does it, and says what it needs', { timeout: 180_000 }, async () => {
  const { url, rootFile, keysetDigest } = await startClockedAgent({ ASSAY_OPERATOR_KEY: OPERATOR_KEY });
  const command = async (args: readonly string[], env: Io['env']): Promise<{ code: number; text: string; out: string }> => {
    const printed: string[] = [];
    const said: string[] = [];
    const io: Io = {
      stdin: () => Promise.reject(new Error('no input')),
      stdout: (piece) => void (said.push(piece) && printed.push(piece)),
      stderr: (piece) => void said.push(piece),
      cwd: '/',
      env,
      fetch: globalThis.fetch,
      now: Date.now,
      columns: null,
      interactive: false,
      signal: new AbortController().signal,
    };
    return {
      code: await run(['operator', 'rotate-keys', '--url', url, '--simulated-root', rootFile, ...args], io),
      text: said.join(''),
      out: printed.join(''),
    };
  };
  const before = await keysetDigest();
  expect(await command([], {})).toMatchObject({ code: 1, text: expect.stringContaining('ASSAY_OPERATOR_KEY') });
  expect(await command(['--overlap', 'soon'], { ASSAY_OPERATOR_KEY: OPERATOR_KEY })).toMatchObject({ code: 1 });
  expect((await command([], { ASSAY_OPERATOR_KEY: 'a-guess-of-somebody' })).code).not.toBe(0);
  expect(await keysetDigest()).toBe(before);
  const done = await command(['--overlap', '0', '--json'], { ASSAY_OPERATOR_KEY: OPERATOR_KEY });
  expect(done.code, done.text).toBe(0);
  expect(JSON.parse(done.out)).toMatchObject({ keyset_digest: await keysetDigest(), previous_digest: before });
  const old = await keysetDigest();
  const { text } = await command([], { ASSAY_OPERATOR_KEY: OPERATOR_KEY });
  for (const word of ['in force', await keysetDigest(), old, 'clients verify the agent again', '--overlap 0'])
    expect(text).toContain(word);
});
