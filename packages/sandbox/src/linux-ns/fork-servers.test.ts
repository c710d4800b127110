/** A fork server that is renewed while its cells run: every job keeps its files, and its user id goes to the next one. */

import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { NativeSandbox } from '../native/native-sandbox.ts';
import { UserIds } from '../native/user-ids.ts';
import type { SandboxResult } from '../port.ts';
import { openLinuxNs } from './linux-ns.ts';

const CELLS = 3;
const JOBS = 90;
const AT_ONCE = 6;

const firstUserId = new UserIds().take();
new UserIds().give(firstUserId);

const opened = await openLinuxNs({ directory: tmpdir(), concurrency: 3, warm: 2, cellsPerZygote: CELLS }).catch(
  (error: Error) => error,
);
const here = !(opened instanceof Error);
// biome-ignore lint/suspicious/noConsole: a skipped lane has to be seen
if (!here) console.warn(`linux-ns is NOT TESTED here: ${opened.message}`);

describe.skipIf(!here)('fork servers of linux-ns', () => {
  const sandbox = opened as NativeSandbox;

  async function run(index: number): Promise<SandboxResult> {
    const python = { language: 'python', code: `open('/tmp/out.txt', 'w').write('${index}')` } as const;
    const javascript = { language: 'javascript', code: `require('fs').writeFileSync('/tmp/out.txt', '${index}')` } as const;
    let result: SandboxResult | undefined;
    for await (const event of sandbox.run(index % 3 === 0 ? javascript : python)) {
      if (event.type === 'result') result = event.result;
    }
    if (result === undefined) throw new Error('no result');
    return result;
  }

  it(`are renewed after ${CELLS} cells, and no job loses what it wrote`, { timeout: 120_000 }, async () => {
    const written: string[] = [];
    let next = 0;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (next < JOBS) {
          const index = next++;
          const { artifacts, status } = await run(index);
          written[index] = `${status} ${Buffer.from(artifacts[0]?.bytes ?? []).toString()}`;
        }
      }),
    );
    expect(written).toEqual(Array.from({ length: JOBS }, (_, index) => `ok ${index}`));
  });

  it('give their user ids back', async () => {
    await sandbox.close();
    expect(new UserIds().take()).toBe(firstUserId);
  });
});
