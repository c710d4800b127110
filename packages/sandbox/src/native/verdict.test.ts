import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../port.ts';
import { judge } from './verdict.ts';

const QUIET = { memoryBytes: 0, peakBytes: 0, cpuMs: 0, oomKills: 0, inodes: 0 };
const facts = (changes: Partial<Parameters<typeof judge>[0]>): Parameters<typeof judge>[0] => ({
  ...{ stop: null, report: null, end: { exitCode: 0, signal: null }, usage: QUIET, limits: DEFAULT_LIMITS, stderr: '' },
  ...changes,
});
const failed = (name: string, message: string) => ({ value: null, error: { name, message, traceback: 'trace' }, exitCode: 1 });

describe('verdict', () => {
  it.each<[string, Partial<Parameters<typeof judge>[0]>, string, string | null]>([
    ['a report of success', { report: { value: '1', error: null, exitCode: 0 } }, 'ok', null],
    ['a report with an exit code', { report: { value: null, error: null, exitCode: 3 } }, 'error', 'ExitCode'],
    ['an exception of the program', { report: failed('ValueError', 'x') }, 'error', 'ValueError'],
    [
      'a full disk in Python',
      { report: failed('OSError', '[Errno 28] No space left on device') },
      'disk-limit',
      'sandbox/disk-limit',
    ],
    [
      'a file that grew too large in Node',
      { report: failed('Error', 'EFBIG: file too large, write') },
      'disk-limit',
      'sandbox/disk-limit',
    ],
    ['a MemoryError', { report: failed('MemoryError', '') }, 'oom', 'sandbox/oom'],
    ['a fork without memory', { report: failed('OSError', '[Errno 12] Cannot allocate memory') }, 'oom', 'sandbox/oom'],
    ['a process without memory in Node', { report: failed('Error', 'spawn ENOMEM') }, 'oom', 'sandbox/oom'],
    [
      'an error after the kernel killed a child',
      { report: failed('Error', 'x'), usage: { ...QUIET, oomKills: 1 } },
      'oom',
      'sandbox/oom',
    ],
    [
      'success although a child was killed',
      { report: { value: null, error: null, exitCode: 0 }, usage: { ...QUIET, oomKills: 1 } },
      'ok',
      null,
    ],
    [
      'no report and a kill for memory',
      { end: { exitCode: 137, signal: null }, usage: { ...QUIET, oomKills: 1 } },
      'oom',
      'sandbox/oom',
    ],
    [
      'no report and V8 out of heap',
      { end: { exitCode: 134, signal: null }, stderr: 'FATAL ERROR: heap out of memory' },
      'oom',
      'sandbox/oom',
    ],
    [
      'a kill when the processor time was used up',
      { end: { exitCode: 137, signal: null }, usage: { ...QUIET, cpuMs: 19_900 } },
      'timeout',
      'sandbox/timeout',
    ],
    ['a program that killed itself', { end: { exitCode: 137, signal: null } }, 'error', 'ExitCode'],
    ['a file over its limit', { end: { exitCode: 153, signal: null } }, 'disk-limit', 'sandbox/disk-limit'],
    ['an end without a report', { end: { exitCode: 0, signal: null } }, 'ok', null],
    ['a launcher that was killed', { end: { exitCode: null, signal: 'SIGKILL' } }, 'killed', 'sandbox/killed'],
    [
      'a stop by the host, whatever the program reported',
      { stop: { status: 'timeout', limit: 'wallMs', message: 'too long' }, report: { value: null, error: null, exitCode: 0 } },
      'timeout',
      'sandbox/timeout',
    ],
  ])('%s', (_title, changes, status, name) => {
    const outcome = judge(facts(changes));
    expect([outcome.status, outcome.error?.name ?? null]).toEqual([status, name]);
  });
});
