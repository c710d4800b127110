/** The examples run as they stand, as programs, against a started agent; the README quotes them. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

/** The calls of the SDK as the design promises them, without types, line ends and comments. */
const PROMISED: readonly (readonly [file: string, calls: readonly string[], says: RegExp])[] = [
  [
    'chat.ts',
    [
      'const agent = await connect(url, { trust: { simulatedRoot: pem } });',
      "const { text, receipt, proof } = await agent.chat('What is 6 times 7?');",
    ],
    /rcpt_[0-9a-f]{32} \d+$/,
  ],
  [
    'run-task.ts',
    [
      "const run = agent.run('Plot sales by region', { files: { 'sales.csv': bytes } });",
      'for await (const step of run) console.log(step.type);',
      'const { stdout, files, bundle, verdict } = await run;',
    ],
    /logged\ndone\n[\s\S]* accepted$/,
  ],
  [
    'verify-bundle.ts',
    [
      'const b = await verifyBundle(bytes, ',
      "if (b.outcome === 'accepted') for (const { receipt, time, payloads } of b.receipts) console.log(time, receipt.receipt_id, payloads.length);",
    ],
    /^\d{13} rcpt_[0-9a-f]{32} \d+$/,
  ],
  [
    'policy.ts',
    ["const policy = policyFrom(r.claims, { base: 'strict', pin: ['mrtd', 'rtmr0'], grace: { OutOfDate: '2026-12-31' } });"],
    /mrtd/,
  ],
];

describe('the five snippets', () => {
  const snippet = (name: string) => {
    const root = join(directory, 'simulated-root.pem');
    return run(process.execPath, ['--conditions=@assay/source', `examples/snippets/${name}`, agent.url, root], { cwd: ROOT });
  };
  const source = (name: string): string =>
    readFileSync(join(ROOT, 'examples/snippets', name), 'utf8')
      .replace(/ \/\/.*/g, '')
      .replace(/\s+/g, ' ');

  it.each(PROMISED)('%s runs word for word', { timeout: 60_000 }, async (name, calls, says) => {
    for (const call of calls) expect(source(name)).toContain(call);
    expect((await snippet(name)).stdout.trim()).toMatch(says);
  });

  it('verify-quote.ts throws the coded error of a quote that Intel did not sign', { timeout: 60_000 }, async () => {
    for (const call of [
      "const r = await verify(quote, { policy: 'strict', collateral: 'fetch' });",
      "if (r.outcome !== 'accepted') throw r.error;",
      "if (r.claims.type === 'tdx') console.log(r.claims.measurements.mrtd);",
    ])
      expect(source('verify-quote.ts')).toContain(call);
    await expect(snippet('verify-quote.ts')).rejects.toMatchObject({
      stderr: expect.stringMatching(/code: '(?:certificate\/root-not-trusted|endorsements\/\w+)'/),
    });
  });
});

it('the README quotes what runs', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const example = readFileSync(join(ROOT, 'examples/verified-answer.ts'), 'utf8');
  const [, quoted = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  for (const call of quoted.matchAll(/agent\.[a-zA-Z?.]+|connect\(|import \{ connect \} from '@assay\/client'/g))
    expect(example).toContain(call[0]);
});
