/** Files that a Python program leaves open are whole when they are collected, as after a plain interpreter; in each native lane. */

import { tmpdir } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { openLandlock } from '../landlock/landlock.ts';
import { openLinuxNs } from '../linux-ns/linux-ns.ts';
import type { Sandbox, SandboxJob, SandboxResult } from '../port.ts';

const WHOLE: readonly [string, string, string][] = [
  ['a text file', "f = open('/tmp/out', 'w')\nf.write('whole')", 'whole'],
  ['a binary file', "f = open('/tmp/out', 'wb')\nf.write(b'whole')", 'whole'],
  ['a file read and written', "f = open('/tmp/out', 'wb+')\nf.write(b'whole')", 'whole'],
  ['print to a file', "print('whole', end='', file=open('/tmp/out', 'w'))", 'whole'],
  ['a csv writer', "import csv\nw = csv.writer(open('/tmp/out', 'w', newline=''))\nw.writerow(['whole'])", 'whole\r\n'],
  ['after sys.exit', "import sys\nf = open('/tmp/out', 'w')\nf.write('whole')\nsys.exit(3)", 'whole'],
  ['after an exception', "f = open('/tmp/out', 'w')\nf.write('whole')\n1 / 0", 'whole'],
  ['after an exception in a function', "def go():\n  f = open('/tmp/out', 'w')\n  f.write('whole')\n  1 / 0\ngo()", 'whole'],
  ['a file in a cycle', "f = open('/tmp/out', 'w')\nf.write('whole')\na = [f]\na.append(a)\ndel f, a", 'whole'],
  ['a file in an attribute of a library', "import json\njson.kept = open('/tmp/out', 'w')\njson.kept.write('whole')", 'whole'],
  [
    'a file that a daemon thread holds',
    "import threading, time\nf = open('/tmp/out', 'w')\nf.write('whole')\nthreading.Thread(target=lambda g: time.sleep(9), args=(f,), daemon=True).start()",
    'whole',
  ],
  ['a file written at exit', "import atexit\natexit.register(lambda: open('/tmp/out', 'w').write('whole'))", 'whole'],
  [
    'an object that writes when it goes',
    "class W:\n  def __del__(self): open('/tmp/out', 'w').write('whole')\nkept = W()",
    'whole',
  ],
  [
    'a forked copy that comes to its end',
    "import os\nif os.fork() == 0:\n  f = open('/tmp/out', 'w')\n  f.write('whole')\nelse: os.wait()",
    'whole',
  ],
  [
    'a memory map',
    "import mmap\nf = open('/tmp/out', 'wb+')\nf.truncate(5)\nm = mmap.mmap(f.fileno(), 5)\nm[:] = b'whole'",
    'whole',
  ],
];
const PACKED: readonly [string, string][] = [['gzip', "import gzip\nf = gzip.open('/tmp/out', 'wt')\nf.write('whole')"]];

const LANES = [
  ['linux-ns', () => openLinuxNs({ directory: tmpdir(), concurrency: 2, warm: 1 })],
  ['linux-ns, one by one', () => openLinuxNs({ directory: tmpdir(), concurrency: 2, warm: 0 })],
  ['landlock', () => openLandlock({ directory: tmpdir(), concurrency: 2, warm: 0 })],
] as const;

for (const [title, open] of LANES) {
  const opened = await open().catch((error: Error) => error);
  const here = !(opened instanceof Error);
  // biome-ignore lint/suspicious/noConsole: a skipped lane has to be seen
  if (!here) console.warn(`open files in ${title} are NOT TESTED here: ${opened.message}`);

  describe.skipIf(!here)(`open files in ${title}`, () => {
    const sandbox = opened as Sandbox;
    afterAll(() => sandbox.close());

    async function run(job: Omit<SandboxJob, 'language'>): Promise<SandboxResult> {
      for await (const event of sandbox.run({ language: 'python', ...job })) if (event.type === 'result') return event.result;
      throw new Error('no result');
    }
    const collected = (result: SandboxResult): Uint8Array =>
      result.artifacts.find(({ path }) => path === '/tmp/out')?.bytes ?? new Uint8Array();

    it.each(WHOLE)('%s', async (_title, code, text) => {
      expect(Buffer.from(collected(await run({ code }))).toString()).toBe(text);
    });

    it.each(PACKED)('%s', async (_title, code) => {
      expect(gunzipSync(collected(await run({ code }))).toString()).toBe('whole');
    });

    it('a zip archive has its directory', async () => {
      const code = "import zipfile\nz = zipfile.ZipFile('/tmp/out', 'w')\nz.writestr('a', 'whole')";
      expect(Buffer.from(collected(await run({ code }))).includes('PK\u0005\u0006')).toBe(true);
    });

    it('a module that came with the job', async () => {
      const code = "import os, sys\nsys.path.insert(0, os.path.join(os.getcwd(), 'in'))\nimport helper";
      const files = [{ path: '/tmp/in/helper.py', bytes: Buffer.from("f = open('/tmp/out', 'w')\nf.write('whole')") }];
      expect(Buffer.from(collected(await run({ code, files }))).toString()).toBe('whole');
    });

    it('between the cells of a session they are written out and stay open', async () => {
      const id = `open-${title}`;
      const first = await run({ code: "f = open('/tmp/out', 'w')\nf.write('who')", session: { id, previousClaim: null } });
      expect(Buffer.from(collected(first)).toString()).toBe('who');
      const second = await run({ code: "f.write('le')", session: { id, previousClaim: first.claimDigest } });
      expect(Buffer.from(collected(second)).toString()).toBe('whole');
    });
  });
}
