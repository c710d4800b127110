/** What tools/program-failure.ts prints: one line and a hint for what a person can mend, the stack for a fault of the program. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { endWithFailure } from '../../tools/program-failure.ts';

const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
afterEach(() => {
  printed.mockClear();
  process.exitCode = undefined;
});

const thrownBy = async (attempt: () => unknown): Promise<unknown> => {
  try {
    await attempt();
  } catch (error) {
    return error;
  }
  return expect.fail('nothing was thrown');
};

test.each<[string, () => unknown, string]>([
  ['a file', () => readFileSync('none.pem'), 'error: cannot use none.pem: ENOENT\nhint: check the path'],
  ['a folder', () => readFileSync('/'), 'error: cannot read: EISDIR\nhint: check what the system allows here'],
  [
    'a program',
    () => once(spawn('no-such-program-here'), 'exit'),
    'error: cannot spawn no-such-program-here: ENOENT\nhint: install the program, or put it on PATH',
  ],
  [
    'a port',
    () => once(connect(1, '127.0.0.1'), 'connect'),
    'error: cannot connect 127.0.0.1:1: ECONNREFUSED\nhint: check the address, and that something answers there',
  ],
  [
    'a port, as the cause of another error',
    async () => {
      throw new TypeError('fetch failed', { cause: await thrownBy(() => once(connect(1, '127.0.0.1'), 'connect')) });
    },
    'error: cannot connect 127.0.0.1:1: ECONNREFUSED\nhint: check the address, and that something answers there',
  ],
  [
    'several attempts',
    () => {
      const refused = Object.assign(new Error('x'), { code: 'ECONNREFUSED', syscall: 'connect', address: '::1', port: 7 });
      throw new AggregateError([refused]);
    },
    'error: cannot connect ::1:7: ECONNREFUSED\nhint: check the address, and that something answers there',
  ],
  [
    'a name',
    () => {
      throw Object.assign(new Error('x'), { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'mirror.invalid' });
    },
    'error: cannot getaddrinfo mirror.invalid: ENOTFOUND\nhint: check the address, and that something answers there',
  ],
  [
    'an expectation',
    () => {
      throw new Error('expected a key, got none; make one');
    },
    'error: expected a key, got none\nhint: make one',
  ],
])('%s is told without a stack', async (_, attempt, words) => {
  endWithFailure(await thrownBy(attempt));
  expect(printed.mock.calls).toEqual([[words]]);
  expect(process.exitCode).toBe(1);
});

test.each<[string, unknown]>([
  ['a fault of the program', new TypeError('x is not a function')],
  ['what is no error', 'text'],
  ['a circle of causes', Object.assign(new Error('a'), { cause: null })],
])('%s keeps its stack', (_, fault) => {
  if (fault instanceof Error && fault.cause === null) fault.cause = fault;
  endWithFailure(fault);
  expect(printed.mock.calls).toEqual([[fault]]);
});
