/** The examples run as they stand, as programs, against a started agent; the README quotes them. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';

const run = promisify(execFile);
const ROOT = new URL('../..', import.meta.url).pathname;
let directory: string;
let agent: RunningAgent;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-examples-'));
  agent = await startAgent(
    parseConfig({ AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'error', AI_PROVIDER: 'recorded' }),
  );
}, 60_000);

afterAll(async () => {
  await agent.close();
  rmSync(directory, { recursive: true, force: true });
});

it.each(['verified-answer.ts', 'run-task.ts', 'openai.ts', 'ai-sdk.ts'])(
  '%s ends with the receipt of a verified answer',
  { timeout: 60_000 },
  async (name) => {
    const root = join(directory, 'simulated-root.pem');
    const { stdout } = await run(process.execPath, ['--conditions=@assay/source', `examples/${name}`, agent.url, root], {
      cwd: ROOT,
    });
    expect(stdout).toMatch(/rcpt_[0-9a-f]{32}\s*$/);
    expect(stdout.trim().split('\n').length).toBeGreaterThan(1);
  },
);

it('without the root nothing is asked', { timeout: 60_000 }, async () => {
  const failed = run(process.execPath, ['--conditions=@assay/source', 'examples/openai.ts', agent.url], { cwd: ROOT });
  await expect(failed).rejects.toMatchObject({ stderr: expect.stringContaining('client/attestation-refused') });
});

it('the README quotes what runs', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const example = readFileSync(join(ROOT, 'examples/verified-answer.ts'), 'utf8');
  const [, quoted = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  for (const call of quoted.matchAll(/agent\.[a-zA-Z?.]+|connect\(|import \{ connect \} from '@assay\/client'/g))
    expect(example).toContain(call[0]);
});
