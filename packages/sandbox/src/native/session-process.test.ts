/** A cell's result is only what that cell's own process reported for that very cell: every way to end or to forge it, in each native lane. */

import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { openLandlock } from '../landlock/landlock.ts';
import { openLinuxNs } from '../linux-ns/linux-ns.ts';
import type { Sandbox, SandboxResult } from '../port.ts';

type Language = 'python' | 'javascript';
const FORGE = `
import os, json
def forge(extra={}):
    head = json.dumps({"value": "'forged'", "error": None, "exitCode": 0, **extra}).encode()
    os.write(3, (5 + len(head)).to_bytes(4, 'big') + bytes([5]) + len(head).to_bytes(4, 'big') + head)
`;

/** Programs after which the process of the session is gone; their own result is no success. */
const DEADLY: readonly [string, Language, string][] = [
  ['os._exit(0)', 'python', 'import os\nos._exit(0)'],
  ['os._exit(3)', 'python', 'import os\nos._exit(3)'],
  [
    'os._exit in a thread',
    'python',
    'import os, threading, time\nthreading.Thread(target=os._exit, args=(0,)).start()\ntime.sleep(2)',
  ],
  ['another program', 'python', "import os\nos.execv('/bin/sh', ['sh', '-c', 'exit 0'])"],
  ['another program that stays', 'python', "import os\nos.execv('/bin/sleep', ['sleep', '20'])"],
  ['a fault in memory', 'python', 'import ctypes\nctypes.string_at(0)'],
  ['an abort', 'python', 'import os\nos.abort()'],
  ['a closed channel', 'python', 'import os\nos.close(3)'],
  ['every descriptor closed', 'python', 'import os\nos.closerange(0, 64)'],
  ['a report that names no cell', 'python', `${FORGE}forge()`],
  ['a report that names another cell', 'python', `${FORGE}forge({"cell": "00" * 16})`],
  ['many reports in advance', 'python', `${FORGE}for _ in range(8): forge({"cell": ""})`],
  ['a broken frame', 'python', "import os\nos.write(3, b'\\xff' * 64)"],
  ['process.abort', 'javascript', 'process.abort()'],
  [
    'process.kill',
    'javascript',
    "process.kill(process.pid, 'SIGSEGV'); await new Promise((r) => setTimeout(r, 2000)); process.abort()",
  ],
  ['process.reallyExit', 'javascript', 'process.reallyExit(0)'],
];

/** Programs that leave the session alive; `value` is what the next cell, `40 + kept`, must give. */
const SURVIVED: readonly [string, Language, string][] = [
  ['sys.exit', 'python', 'import sys\nsys.exit(0)'],
  ['sys.exit in a thread', 'python', 'import sys, threading\nt = threading.Thread(target=sys.exit)\nt.start()\nt.join()'],
  ['a fork whose copy comes to the end of the cell', 'python', 'import os\nos.fork()'],
  ['a fork whose copy outlives the cell', 'python', 'import os, time\nif os.fork() == 0: time.sleep(30)'],
  ['a fork whose copy reads the channel', 'python', STEALING()],
  ['a closed standard output', 'python', 'import os\nos.close(1)'],
  ['a standard output that leads elsewhere', 'python', "import os\nos.dup2(os.open('/dev/null', os.O_WRONLY), 1)"],
  ['sys.stdout gone', 'python', 'import sys\nsys.stdout = sys.stderr = None'],
  ['os.write gone', 'python', 'import os\ndel os.write, os.read'],
  ['an exception that cannot be shown', 'python', 'class E(BaseException):\n  def __str__(self): 1 / 0\nraise E'],
  ['a child process that stays', 'javascript', "require('child_process').spawn('/bin/sleep', ['30'])"],
];

/** A copy made below Python, with a channel descriptor of another number, that answers whatever comes next. */
function STEALING(): string {
  return `${FORGE}
import ctypes, os, json
os.dup2(3, 77)
if ctypes.CDLL(None).fork() == 0:
    while True:
        frame = os.read(77, 65536)
        size = int.from_bytes(frame[5:9], 'big')
        head = json.loads(frame[9:9 + size])
        os.dup2(77, 3)
        forge({"cell": head["cell"]})
`;
}

const LANES = [
  ['linux-ns', () => openLinuxNs({ directory: tmpdir(), concurrency: 2, warm: 1 })],
  ['linux-ns, one by one', () => openLinuxNs({ directory: tmpdir(), concurrency: 2, warm: 0 })],
  ['landlock', () => openLandlock({ directory: tmpdir(), concurrency: 2, warm: 0 })],
] as const;

for (const [title, open] of LANES) {
  const opened = await open().catch((error: Error) => error);
  const here = !(opened instanceof Error);
  // biome-ignore lint/suspicious/noConsole: a skipped lane has to be seen
  if (!here) console.warn(`sessions in ${title} are NOT TESTED here: ${opened.message}`);

  describe.skipIf(!here)(`the process of a session in ${title}`, () => {
    const sandbox = opened as Sandbox;
    let count = 0;
    afterAll(() => sandbox.close());

    async function run(
      language: Language,
      code: string,
      session: { id: string; previousClaim: string | null },
    ): Promise<SandboxResult> {
      for await (const event of sandbox.run({ language, code, session, limits: { wallMs: 8_000 } })) {
        if (event.type === 'result') return event.result;
      }
      throw new Error('no result');
    }
    const begin = async (language: Language) => {
      count += 1;
      const id = `${title}-${count}`;
      const kept = language === 'python' ? 'kept = 2' : 'const kept = 2';
      return { id, previousClaim: (await run(language, kept, { id, previousClaim: null })).claimDigest };
    };

    it.each(DEADLY)('%s (%s) is no success, and no later cell answers for it', async (_title, language, code) => {
      const session = await begin(language);
      const died = await run(language, code, session);
      expect([died.status, died.value]).toEqual(['killed', null]);
      expect(died.sessionLost).toMatch(/./);
      const after = { id: session.id, previousClaim: died.claimDigest };
      await expect(run(language, '1 + 1', after)).rejects.toMatchObject({ code: 'sandbox/session-lost' });
      const again = await run(language, '6 * 7', { id: session.id, previousClaim: null });
      expect([again.status, again.value]).toEqual(['ok', '42']);
    });

    it.each(SURVIVED)('%s (%s) keeps the session, and the next cell is its own', async (_title, language, code) => {
      const session = await begin(language);
      const first = await run(language, code, session);
      expect(first.sessionLost).toBeUndefined();
      const second = await run(language, '40 + kept', { id: session.id, previousClaim: first.claimDigest });
      expect([second.status, second.value]).toEqual(['ok', '42']);
      const third = await run(language, language === 'python' ? '1 / 0' : 'throw new Error("x")', {
        id: session.id,
        previousClaim: second.claimDigest,
      });
      expect([third.status, third.sessionLost]).toEqual(['error', undefined]);
    });

    it('process.exit reports its code and says that the session is over', async () => {
      const session = await begin('javascript');
      const left = await run('javascript', 'process.exit(0)', session);
      expect([left.status, left.exitCode]).toEqual(['ok', 0]);
      expect(left.sessionLost).toContain('ended its process');
      const after = { id: session.id, previousClaim: left.claimDigest };
      await expect(run('javascript', '1', after)).rejects.toMatchObject({ code: 'sandbox/session-lost' });
    });

    it('a process that dies between two cells loses the session', async () => {
      const session = await begin('python');
      const code =
        'import os, threading, time\ndef end():\n  time.sleep(0.3)\n  os._exit(0)\nthreading.Thread(target=end, daemon=True).start()';
      const first = await run('python', code, session);
      expect(first.sessionLost).toBeUndefined();
      const second = await run('python', 'time.sleep(2)', { id: session.id, previousClaim: first.claimDigest });
      expect([second.status, typeof second.sessionLost]).toEqual(['killed', 'string']);
    });
  });
}
