/** Turns what was seen of a run into its status and its one-line error. */

import type { ExecutionLimits, ExecutionStatus } from '@assay/receipt';
import { exitError } from '../exit-code.ts';
import type { SandboxResult } from '../port.ts';
import type { CellEnd, CellUsage } from './cell.ts';

/** What the runner said at the end; attacker input, already shaped. */
export interface Report {
  readonly value: string | null;
  readonly error: { readonly name: string; readonly message: string; readonly traceback: string } | null;
  readonly exitCode: number;
  /** The process said that it ends with this report. */
  readonly leaves?: boolean;
}

/** Why the host ended the run, if it did. */
export interface Stop {
  readonly status: ExecutionStatus;
  readonly limit: keyof ExecutionLimits | null;
  readonly message: string;
}

export interface Outcome {
  readonly status: ExecutionStatus;
  readonly exitCode: number | null;
  readonly error: SandboxResult['error'];
}

const SIGKILL_CODE = 128 + 9;
/** An abort; where the process is the first of its namespace the signal does not reach it, and the processor's fault ends it. */
const ABORT_CODES = [128 + 6, 128 + 4, 128 + 5, 128 + 11];
const SIGXFSZ_CODE = 128 + 25;
const DISK_FULL = /\b(ENOSPC|EFBIG|EDQUOT)\b|No space left on device|File too large|\[Errno (28|27|122)\]/;
/** The runtimes' words, and the kernel's where it refuses memory to a process (`fork`, `mmap`). */
const OUT_OF_MEMORY =
  /heap out of memory|Array buffer allocation failed|MemoryError|\bENOMEM\b|Cannot allocate memory|\[Errno 12\]/;

const CODES: Partial<Record<ExecutionStatus, string>> = {
  timeout: 'sandbox/timeout',
  oom: 'sandbox/oom',
  'output-limit': 'sandbox/output-limit',
  'disk-limit': 'sandbox/disk-limit',
  killed: 'sandbox/killed',
};

/**
 * The status of a run. A report counts only while the end of its process does not contradict it; a session's process that ended
 * without a report is never a success, whatever its exit code.
 *
 * `stderr` is the kept text; it is only consulted for runs that ended without a report.
 */
export function judge(facts: {
  readonly stop: Stop | null;
  readonly report: Report | null;
  readonly end: CellEnd | null;
  readonly usage: CellUsage;
  readonly limits: ExecutionLimits;
  readonly stderr: string;
  /** True for a cell of a session, whose process must outlive it. */
  readonly session?: boolean;
}): Outcome {
  const { stop, report, end, usage, limits } = facts;
  if (stop !== null) return limited(stop.status, stop.message, null);
  const contradicted = report?.exitCode === 0 && (end?.exitCode ?? 0) !== 0;
  if (report !== null && !contradicted) return reported(report, usage, limits);
  return unreported(facts);
}

function reported(report: Report, usage: CellUsage, limits: ExecutionLimits): Outcome {
  const { error, exitCode } = report;
  if (error === null)
    return { status: exitCode === 0 ? 'ok' : 'error', exitCode, error: exitCode === 0 ? null : exitError(exitCode) };
  const text = `${error.name}: ${error.message}`;
  if (OUT_OF_MEMORY.test(text) || usage.oomKills > 0)
    return { ...limited('oom', oomMessage(limits), exitCode), error: named('oom', error) };
  if (DISK_FULL.test(text)) return { status: 'disk-limit', exitCode, error: named('disk-limit', error) };
  return { status: 'error', exitCode, error };
}

/** A limit's code in front, so that callers can tell it from the program's own exceptions; the program's trace stays. */
function named(status: ExecutionStatus, error: NonNullable<Outcome['error']>): Outcome['error'] {
  return { name: CODES[status] ?? error.name, message: `${error.name}: ${error.message}`, traceback: error.traceback };
}

function unreported(facts: Parameters<typeof judge>[0]): Outcome {
  const { end, usage, limits, stderr } = facts;
  const exitCode = end?.exitCode ?? null;
  if (usage.oomKills > 0 || (ABORT_CODES.includes(exitCode ?? 0) && OUT_OF_MEMORY.test(stderr)))
    return limited('oom', oomMessage(limits), exitCode);
  if (exitCode === SIGXFSZ_CODE) return limited('disk-limit', `a file grew beyond ${limits.fileBytes} bytes`, exitCode);
  if (exitCode === SIGKILL_CODE && usage.cpuMs >= limits.cpuMs * 0.9) return limited('timeout', cpuMessage(limits), exitCode);
  if (facts.session === true) return limited('killed', lostMessage(end), exitCode);
  if (exitCode === 0) return { status: 'ok', exitCode, error: null };
  if (exitCode === null) return limited('killed', `the process was ended by ${end?.signal ?? 'something unknown'}`, null);
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return { status: 'error', exitCode, error: { ...exitError(exitCode), traceback: last === '' ? '' : stderr.slice(-8192) } };
}

function limited(status: ExecutionStatus, message: string, exitCode: number | null): Outcome {
  return { status, exitCode, error: { name: CODES[status] ?? 'Error', message, traceback: '' } };
}

function lostMessage(end: CellEnd | null): string {
  const how = end?.signal ?? (end?.exitCode == null ? 'something unknown' : `exit code ${end.exitCode}`);
  return `the cell ended the process of its session (${how}) before it was finished; names are lost, run the earlier cells again`;
}

export function oomMessage(limits: ExecutionLimits): string {
  return `the program needed more than ${Math.round(limits.memoryBytes / 1048576)} MiB of memory; use less, or raise memoryBytes`;
}

/** Shared with the watchdog, so that both ends of the same limit read alike. */
export function cpuMessage(limits: ExecutionLimits): string {
  return `the program used more than ${limits.cpuMs} ms of processor time; make it faster, or raise cpuMs`;
}
