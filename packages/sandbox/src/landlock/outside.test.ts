/** A cell of landlock reaches no socket of the host, and ends with its agent however that ends. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { NativeSandbox } from '../native/native-sandbox.ts';
import { readProcesses } from '../native/process-tree.ts';
import { openLandlock } from './landlock.ts';

const opened = await openLandlock({ directory: tmpdir(), concurrency: 2, warm: 0 }).catch((error: Error) => error);
const here = !(opened instanceof Error);
// biome-ignore lint/suspicious/noConsole: a skipped lane has to be seen
if (!here) console.warn(`landlock is NOT TESTED here: ${opened.message}`);

const place = mkdtempSync(join(tmpdir(), 'assay-outside-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe.skipIf(!here)('datagrams to the host', () => {
  const sandbox = opened as NativeSandbox;
  afterAll(() => sandbox.close());

  it('leave by no pair of sockets, with a name or with a descriptor', async () => {
    const named = join(place, 'log.sock');
    const host = spawn('python3', [
      '-c',
      `import os, socket
keep = []
for name in (${JSON.stringify(named)}, '\\0assay-outside-${process.pid}'):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(name); s.setblocking(False); keep.append(s)
os.chmod(${JSON.stringify(named)}, 0o666); os.chmod(${JSON.stringify(place)}, 0o755)
print('ready', flush=True); input()
for s in keep:
    try: print('received', s.recv(100), flush=True)
    except BlockingIOError: print('nothing', flush=True)`,
    ]);
    const lines = createInterface({ input: host.stdout });
    const said: string[] = [];
    lines.on('line', (line) => said.push(line));
    await once(lines, 'line');
    const code = `
import array, socket
out = []
for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_STREAM):
    try: a, b = socket.socketpair(socket.AF_UNIX, kind)
    except OSError as e: out.append(e.errno); continue
    for name in (${JSON.stringify(named)}, '\\0assay-outside-${process.pid}'):
        for send in (lambda: a.sendto(b'forged', name), lambda: a.sendmsg([b'forged'], [(1, 1, array.array('i', [b.fileno()]))], 0, name)):
            try: send(); out.append('sent')
            except OSError as e: out.append(e.errno)
print(out)`;
    for await (const event of sandbox.run({ language: 'python', code })) {
      if (event.type === 'result') expect(event.result.stdout.text).toBe('[97, 97, 1, 1, 1, 1]\n');
    }
    host.stdin.end('\n');
    await once(host, 'close');
    expect(said).toEqual(['ready', 'nothing', 'nothing']);
  });
});

/** Opens the lane, starts a program that makes more processes, and says its process groups. */
const AGENT = `
import { openLandlock } from ${JSON.stringify(fileURLToPath(new URL('./landlock.ts', import.meta.url)))};
const sandbox = await openLandlock({ directory: process.env.TMPDIR, concurrency: 2, warm: 1 });
const code = "import os, time\\nfor n in range(3): os.fork()\\nprint('running', os.getpgrp(), flush=True)\\ntime.sleep(60)";
for await (const event of sandbox.run({ language: 'python', code })) if (event.type === 'stdout') process.stdout.write(event.text);
`;

describe.skipIf(!here)('an agent that is killed', () => {
  it('takes its cells with it, the waiting and the running', async () => {
    const agent = spawn(process.execPath, ['--conditions=@assay/source', '--input-type=module', '-e', AGENT], {
      env: { ...process.env, TMPDIR: place },
    });
    const [line] = (await once(createInterface({ input: agent.stdout }), 'line')) as [string];
    const running = Number(line.split(' ')[1]);
    const groups = new Set(
      readProcesses()
        .filter(({ parent }) => parent === agent.pid)
        .map(({ group }) => group),
    );
    expect(groups.has(running)).toBe(true);
    expect(groups.size).toBeGreaterThan(1);
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    const left = (): number => readProcesses().filter(({ group }) => groups.has(group)).length;
    await expect.poll(left, { timeout: 5_000 }).toBe(0);
  }, 20_000);
});
