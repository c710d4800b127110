/**
 * The lanes as they are installed: compiled, with their runners. Everything else tests the source, which Node runs without compiling,
 * so a lane that only the compiler breaks would pass there. Each lane that works from source must work compiled.
 */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), 'assay-built-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const PROGRAM = `
import { selectSandbox } from '@assay/sandbox';
const [, lane, directory] = process.argv;
const { sandbox, refused } = await selectSandbox({ prefer: lane, minIsolation: 'reduced', directory, concurrency: 1, warm: 0 });
const said = [];
for (const [language, code] of [['python', 'print(6 * 7)'], ['javascript', 'console.log(6 * 7)']]) {
  for await (const event of sandbox.run({ language, code })) if (event.type === 'result') said.push(event.result.stdout.text);
}
console.log(JSON.stringify({ lane: sandbox.capabilities.lane, why: refused.find((each) => each.lane === lane)?.reason ?? null, said }));
await sandbox.close();
process.exit();
`;

async function ask(lane: string, ...flags: readonly string[]): Promise<{ readonly lane: string; readonly why: string | null }> {
  const args = [...flags, '--input-type=module', '--eval', PROGRAM, lane, join(directory, `${lane}${flags.length}`)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
  return JSON.parse(stdout) as { lane: string; why: string | null };
}

test.each(['linux-ns', 'wasm', 'landlock'])(
  '%s',
  async (lane) => {
    const source = await ask(lane, '--conditions=@assay/source');
    if (source.why !== null) {
      console.warn(`built lanes: ${lane} was left out, it does not work here: ${source.why}`);
      return;
    }
    expect(await ask(lane)).toEqual({ lane, why: null, said: ['42\n', '42\n'] });
  },
  300_000,
);
