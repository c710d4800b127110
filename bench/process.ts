/**
 * `POST /api/process` with a trivial `execute`, receipt and log entry included, against one agent over real HTTP.
 *
 * node --conditions=@assay/source bench/process.ts [seconds]
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig, startAgent } from '../packages/agent/src/index.ts';

const seconds = Number(process.argv[2] ?? 8);
const IN_FLIGHT = 8;
const directory = mkdtempSync(join(tmpdir(), 'assay-bench-'));
const agent = await startAgent(
  parseConfig({ AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'error', AI_PROVIDER: 'recorded' }),
);

async function execute(language: string, code: string): Promise<void> {
  const answer = await fetch(`${agent.url}/api/process`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data: { type: 'execute', language, code } }),
  });
  const { success } = (await answer.json()) as { readonly success: boolean };
  if (!success) throw new Error(`an execution failed with HTTP ${answer.status}`);
}

async function rate(language: string, code: string): Promise<number> {
  await execute(language, code);
  const end = performance.now() + seconds * 1000;
  let done = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (performance.now() < end) {
        await execute(language, code);
        done += 1;
      }
    }),
  );
  return done / seconds;
}

const { sandbox } = (await agent.status()) as { readonly sandbox: { readonly lane: string } };
for (const [language, code] of [
  ['python', 'print(42)'],
  ['javascript', 'console.log(42)'],
] as const) {
  console.log(
    `${language} on ${sandbox.lane}: ${(await rate(language, code)).toFixed(0)} requests a second, ${IN_FLIGHT} in flight`,
  );
}
await agent.close();
rmSync(directory, { recursive: true, force: true });
