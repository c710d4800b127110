/** What an agent keeps in memory after 30 tasks: the process that `assay serve` starts, as the kernel counts it. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const TASKS = 30;
const MOST_MEGABYTES = 250;
const PROGRAM = new URL('../../packages/assay/bin/assay.js', import.meta.url).pathname;

function residentMegabytes(pid: number): number {
  const [, kibibytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}

test.skipIf(!existsSync('/proc/self/status'))(
  `an agent keeps at most ${MOST_MEGABYTES} MB after ${TASKS} tasks`,
  { timeout: 240_000 },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'assay-memory-'));
    const child = spawn(process.execPath, [PROGRAM, 'serve', '--port', '0', '--data-dir', directory], {
      cwd: directory,
      env: { PATH: process.env.PATH, AI_PROVIDER: 'recorded' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    onTestFinished(async () => {
      const ended = once(child, 'exit');
      if (child.exitCode === null && child.kill('SIGTERM')) await ended;
      rmSync(directory, { recursive: true, force: true });
    });
    const url = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
        if (found !== undefined) resolve(found);
      });
      child.once('exit', () => reject(new Error(`the agent ended: ${said}`)));
    });
    for (let task = 0; task < TASKS; task += 1) {
      const data = {
        type: 'execute',
        ...(task % 2 === 0 ? { language: 'python', code: 'print(42)' } : { language: 'javascript', code: '42' }),
      };
      const answer = await fetch(`${url}/api/process`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ data }),
      });
      expect(await answer.json()).toMatchObject({ success: true });
    }
    expect(residentMegabytes(child.pid ?? 0)).toBeLessThanOrEqual(MOST_MEGABYTES);
  },
);
