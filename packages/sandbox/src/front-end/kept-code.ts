/**
 * The code that V8 makes of the JavaScript runner, made once when a lane opens and given to each cell: reading, compiling and warming up the
 * runner was a fifth of a cell's processor time. Made by the agent's own Node outside of any sandbox, from the agent's own text; V8 itself
 * refuses code of another version, of other flags or of a text of another length, and compiles then.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { encodeFrame } from '../frames.ts';
import { FRAME } from '../native/cell.ts';
import { RUNNERS } from '../runners.ts';

const MOST_MS = 20_000;
/** What nearly every program uses of the runner. */
const JOB = 'const a = await 1; function f() { return [a, { b: 2 }]; } f();';

/**
 * The code for `text`, for V8 as `command` starts it; empty when it could not be made, with which a cell still works.
 * @param command Node and its options, as a cell is started.
 */
export function keptCode(command: readonly string[], text: string): Promise<Uint8Array> {
  const [node = '', ...options] = command;
  const child = spawn(node, [...options, join(RUNNERS, 'javascript', 'keep-code.cjs')], {
    env: { TZ: 'UTC', OPENSSL_CONF: '/dev/null' },
    cwd: '/tmp',
    stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
    timeout: MOST_MS,
    killSignal: 'SIGKILL',
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end(text, 'latin1');
  sendJob(child);
  const parts: Buffer[] = [];
  child.stdout?.on('data', (part: Buffer) => parts.push(part));
  return new Promise((resolve) => {
    child.on('error', () => resolve(new Uint8Array(0)));
    child.on('close', (status) => resolve(status === 0 ? Buffer.concat(parts) : new Uint8Array(0)));
  });
}

function sendJob(child: ChildProcess): void {
  const control = child.stdio[3] as Writable & NodeJS.ReadableStream;
  control.on('error', () => {});
  control.resume();
  control.write(encodeFrame(FRAME.job, { argv: [], language: 'javascript', fence: '', cell: 'kept' }, Buffer.from(JOB)));
}
