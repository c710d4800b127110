/** Two sandboxes of one process keep out of each other's way: a job of one that makes as many processes as it may stops none of the other. */

import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { NativeSandbox } from '../native/native-sandbox.ts';
import type { SandboxJob } from '../port.ts';
import { openLinuxNs } from './linux-ns.ts';

const opened = await openLinuxNs({ directory: tmpdir(), concurrency: 2, warm: 0 }).catch((error: Error) => error);
const here = !(opened instanceof Error);
// biome-ignore lint/suspicious/noConsole: a skipped lane has to be seen
if (!here) console.warn(`linux-ns is NOT TESTED here: ${opened.message}`);

const FILLS_UP = `
import os, time
try:
    while True:
        if os.fork() == 0:
            time.sleep(600)
except OSError:
    print("full", flush=True)
time.sleep(600)
`;

async function statusOf(sandbox: NativeSandbox, job: SandboxJob, onOutput = () => {}): Promise<string | undefined> {
  let status: string | undefined;
  for await (const event of sandbox.run(job)) {
    if (event.type === 'stdout') onOutput();
    if (event.type === 'result') status = event.result.status;
  }
  return status;
}

describe.skipIf(!here)('two linux-ns sandboxes in one process', () => {
  it('open and run while a job of the other has no process left', async () => {
    const first = opened as NativeSandbox;
    const stop = new AbortController();
    let fill = () => {};
    const full = new Promise<void>((resolve) => {
      fill = resolve;
    });
    const filling = statusOf(first, { language: 'python', code: FILLS_UP, signal: stop.signal }, () => fill());
    filling.catch(() => undefined);
    await full;
    const second = await openLinuxNs({ directory: tmpdir(), concurrency: 2, warm: 0 });
    try {
      expect(await statusOf(second, { language: 'javascript', code: '1' })).toBe('ok');
      expect(await statusOf(second, { language: 'python', code: '1' })).toBe('ok');
    } finally {
      stop.abort();
      await filling.catch(() => undefined);
      await second.close();
      await first.close();
    }
  }, 120_000);
});
