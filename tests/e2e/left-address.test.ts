/** An agent that is served leaves its address where commands of the same folder find it, and takes it away when it ends. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@assay/agent';
import { transcript } from '@assay/testing';
import { expect, it } from 'vitest';
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
