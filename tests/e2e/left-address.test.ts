/** An agent that is served leaves its address where commands of the same folder find it, and takes it away when it ends. An agent that has the folder is used. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig, serve, startAgent } from '@assay/agent';
import { transcript } from '@assay/testing';
import { expect, it, onTestFinished } from 'vitest';
import type { Io } from '../../packages/assay/src/command-line/io.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';

it('commands find the agent that is served from their folder', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'assay-left-address-'));
  const stop = new AbortController();
  let said = '';
  let announce = (): void => {};
  const up = new Promise<void>((resolve) => {
    announce = resolve;
  });
  const served = serve({
    environment: {
      AGENT_PORT: '0',
      ASSAY_LOG_LEVEL: 'silent',
      ASSAY_DATA_DIR: join(directory, '.assay'),
      AI_PROVIDER: 'recorded',
    },
    directory,
    say: (text) => {
      said += text;
      announce();
    },
    color: false,
    signal: stop.signal,
  });
  try {
    await up;
    const io = transcript({ cwd: directory, now: Date.now(), env: {}, fetch: globalThis.fetch });
    expect(await run(['receipt'], io), io.err()).toBe(0);
    const [address = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
    expect(io.err()).toContain(`at ${new URL(address).host} trusted by the root of your own data folder`);
    expect(existsSync(join(directory, '.assay/agent.json'))).toBe(true);
  } finally {
    stop.abort();
    await served;
  }
  expect(existsSync(join(directory, '.assay/agent.json'))).toBe(false);
  await rm(directory, { recursive: true, force: true });
}, 60_000);

it('run uses the agent that has the data folder of .env when it cannot start another there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'assay-held-'));
  const data = join(directory, 'data');
  const settings = { AGENT_PORT: '0', ASSAY_LOG_LEVEL: 'silent', ASSAY_DATA_DIR: data, AI_PROVIDER: 'recorded' };
  const holder = await startAgent(parseConfig(settings));
  onTestFinished(async () => {
    await holder.close(0);
    await rm(directory, { recursive: true, force: true });
  });
  await writeFile(join(directory, '.env'), `ASSAY_DATA_DIR=${data}\nAI_PROVIDER=recorded\n`);
  const task = ['run', 'Calculate the factorial of 10 and print the result'];
  const nothing = transcript({ cwd: directory, now: Date.now(), fetch: refused });
  expect(await run(task, nothing)).toBe(4);
  expect(nothing.err()).toMatch(/error: another agent uses .*\[ledger\/in-use\]/);

  await writeFile(join(data, 'agent.json'), JSON.stringify({ url: holder.url }), { mode: 0o600 });
  const late: Io = transcript({
    cwd: directory,
    now: Date.now(),
    // It answers from the moment on at which an own agent would start.
    fetch: (input, init) => (err.includes('starting one inside') ? globalThis.fetch(input, init) : refused()),
  });
  let err = '';
  const io = Object.create(late, {
    stderr: {
      value: (text: string) => {
        err += text;
      },
    },
  }) as Io;
  expect(await run(task, io), err).toBe(0);
  expect(err).toContain(`at ${new URL(holder.url).host} trusted by the root of your own data folder`);
}, 60_000);

const refused = () => Promise.reject(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') }));
