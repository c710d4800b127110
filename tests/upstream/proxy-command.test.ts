/** `assay proxy` as people start it: in front of a Tinfoil-style enclave and of a signing service, with its options, and wrong ones. */

import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedpillServer, startTinfoilServer, transcript } from '@assay/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'assay-proxy-'));
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

interface StandIn {
  readonly origin: string;
  readonly authorities: string;
  rootPem(): Promise<string>;
}

async function start(server: StandIn, args: readonly string[]) {
  writeFileSync(join(cwd, 'root.pem'), await server.rootPem());
  writeFileSync(join(cwd, 'authorities.pem'), server.authorities);
  const stop = new AbortController();
  const env = { ASSAY_PCCS_URL: server.origin, ASSAY_API_KEY: 'key', ASSAY_CACHE_DIR: join(cwd, 'cache'), HOME: cwd };
  const said = transcript({ cwd, now: Date.now(), env });
  const io = { ...said, now: () => Date.now(), signal: stop.signal };
  const trust = ['--simulated-root', 'root.pem', '--authorities', 'authorities.pem', '--port', '0'];
  const ended = run(['proxy', server.origin, ...trust, ...args], io);
  return { said, ended, stop: () => stop.abort() };
}

test.each([
  ['tinfoil', 'bound'],
  ['near-ai', 'bound'],
  ['near-ai', 'sealed'],
] as const)('%s over a channel that is %s', async (kind, channel) => {
  const server =
    kind === 'tinfoil'
      ? await startTinfoilServer({ apiKey: 'key' })
      : await startRedpillServer({ apiKey: 'key', tls: true, e2ee: true, models: ['llama3-3-70b'] });
  onTestFinished(server.close);
  const keep = join(cwd, `kept-${kind}-${channel}`);
  const { said, ended, stop } = await start(server, ['--kind', kind, '--channel', channel, '--keep', keep]);
  await expect.poll(said.out, { timeout: 10_000 }).toMatch(/^OPENAI_BASE_URL=/);
  const base = /OPENAI_BASE_URL=(\S+)/.exec(said.out())?.[1] ?? '';
  const answer = await fetch(`${base}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'llama3-3-70b', messages: [{ role: 'user', content: 'my secret' }] }),
  });
  expect(await answer.text()).toContain('Enclave: 42.');
  const { verdict } = (await (await fetch(base.replace(/v1$/, 'verification'))).json()) as {
    readonly verdict: { readonly checks: readonly { readonly id: string; readonly outcome: string }[] };
  };
  const outcome = (id: string) => verdict.checks.find((check) => check.id === id)?.outcome;
  expect(outcome('channel.tls-key')).toBe('pass');
  expect(outcome('channel.sealed')).toBe(kind === 'tinfoil' || channel === 'sealed' ? 'pass' : 'not-checked');
  if (kind === 'near-ai') {
    await expect.poll(() => readdirSync(keep)).toHaveLength(1);
    for (const name of readdirSync(keep)) expect(statSync(join(keep, name)).mode & 0o077).toBe(0);
  }
  stop();
  expect(await ended).toBe(0);
});

test.each<[string[], number, string]>([
  [['--channel', 'open'], 1, '--channel: expected any, bound or sealed, got "open"'],
  [['--authorities', 'no-root.txt'], 2, 'PEM'],
])('%j is a wrong option', async (args, code, message) => {
  writeFileSync(join(cwd, 'no-root.txt'), 'nothing');
  const said = transcript({ cwd, now: Date.now(), env: {} });
  expect(await run(['proxy', 'https://127.0.0.1:1', ...args], said)).toBe(code);
  expect(said.err()).toContain(message);
});
