import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { NativeSandbox } from '../native/native-sandbox.ts';
import type { SandboxJob, SandboxResult } from '../port.ts';
import { measureDisk } from './disk.ts';
import { openLandlock } from './landlock.ts';

const opened = await openLandlock({ directory: tmpdir(), concurrency: 2, warm: 0 }).catch((error: Error) => error);
const here = !(opened instanceof Error);
// biome-ignore lint/suspicious/noConsole: a skipped lane has to be seen
if (!here) console.warn(`landlock is NOT TESTED here: ${opened.message}`);

describe.skipIf(!here)('landlock', () => {
  const sandbox = opened as NativeSandbox;
  afterAll(() => sandbox.close());

  async function run(job: SandboxJob): Promise<SandboxResult> {
    for await (const event of sandbox.run(job)) if (event.type === 'result') return event.result;
    throw new Error('no result');
  }

  it('calls itself reduced and contained every probe at boot', () => {
    expect(sandbox.capabilities).toMatchObject({ lane: 'landlock', isolation: 'reduced' });
    expect(sandbox.capabilities.selfTest.filter(({ contained }) => !contained)).toEqual([]);
  });

  it.each<[string, SandboxJob]>([
    [
      'Python',
      {
        language: 'python',
        code: "import os, shutil\nrows = open('/tmp/in/a.csv').read()\nos.makedirs('/tmp/out')\nwith open('/tmp/out/b.txt', 'w') as f: f.write(rows.upper())\nprint(sorted(os.listdir('/tmp')), os.path.exists('/tmp/out/b.txt'))",
      },
    ],
    [
      'JavaScript',
      {
        language: 'javascript',
        code: "const fs = require('fs');\nimport { mkdir } from 'node:fs/promises';\nconst rows = fs.readFileSync('/tmp/in/a.csv', 'utf8');\nawait mkdir('/tmp/out');\nfs.writeFileSync('/tmp/out/b.txt', rows.toUpperCase());\nconsole.log(fs.readdirSync('/tmp'), fs.existsSync('/tmp/out/b.txt'))",
      },
    ],
  ])('finds files at their /tmp names from %s, without a /tmp of its own', async (_title, job) => {
    const result = await run({ ...job, files: [{ path: '/tmp/in/a.csv', bytes: Buffer.from('a,b') }] });
    expect([result.status, result.stderr.text]).toEqual(['ok', '']);
    expect(result.stdout.text).toMatch(/in.*out.*[Tt]rue/s);
    expect(result.artifacts.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()])).toEqual([
      ['/tmp/out/b.txt', 'A,B'],
    ]);
  });

  it.each<[string, SandboxJob, string]>([
    ['time', { language: 'python', code: 'while True: pass', limits: { wallMs: 300 } }, 'timeout'],
    [
      'memory',
      {
        language: 'javascript',
        code: 'const a = []; for (;;) a.push(new Array(1e6).fill(1.5))',
        limits: { memoryBytes: 160 << 20 },
      },
      'oom',
    ],
    [
      'disk',
      {
        language: 'python',
        code: 'import time\nfor n in range(8):\n  open(f"/tmp/{n}", "wb").write(b"x" * (1 << 20))\ntime.sleep(5)',
        limits: { diskBytes: 4 << 20 },
      },
      'disk-limit',
    ],
  ])('stops at the limit of %s', async (_title, job, status) => {
    expect((await run(job)).status).toBe(status);
  });

  it('runs the ethers of the agent, and gives the network only through the host', async () => {
    const code = "const { ethers } = require('ethers');\nethers.formatEther(10n ** 17n)";
    expect((await run({ language: 'javascript', code })).value).toBe('0.1');
    const refused = await run({
      language: 'javascript',
      code: "await fetch('http://127.0.0.1:9/')",
      network: { allow: ['127.0.0.1:10'] },
    });
    expect(refused.error?.message).toContain('allow-list');
  });
});

describe('measuring a disk by looking', () => {
  it('counts blocks, not stated sizes, and stops above the cap', () => {
    const root = mkdtempSync(join(tmpdir(), 'assay-disk-'));
    mkdirSync(join(root, 'inner'));
    writeFileSync(join(root, 'inner/real'), Buffer.alloc(8192, 1));
    writeFileSync(join(root, 'sparse'), '');
    truncateSync(join(root, 'sparse'), 1 << 30);
    expect(measureDisk(root, 100).inodes).toBe(3);
    expect(measureDisk(root, 100).bytes).toBeLessThan(1 << 20);
    for (let index = 0; index < 40; index += 1) writeFileSync(join(root, `f${index}`), '');
    expect(measureDisk(root, 10).inodes).toBeLessThan(30);
    rmSync(root, { recursive: true });
  });
});
