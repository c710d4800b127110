/** One run of Slither in its sandbox, recorded in the receipt like any other run of code, so that anyone can repeat it. */

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { utf8 } from '@assay/encoding/bytes';
import type { SandboxResult } from '@assay/sandbox';
import { ServerError } from '../../errors.ts';
import type { OpenAnalyzer } from '../../ports/analyzer.ts';
import type { TaskContext } from '../task.ts';
import { recordExecution } from './record-execution.ts';

const REPORT = '/tmp/report.json';
const ARCHIVE = '/tmp/archive.json.gz';
const pack = promisify(gzip);

export interface AnalyzeOptions {
  /** crytic-compile's archive, as text. */
  readonly archive: string;
  /** Wall time that is left, milliseconds. */
  readonly wallMs: number;
  /** Called once when Slither runs, for work that need not wait for it. */
  readonly onStarted: () => void;
}

interface RunOptions extends Omit<AnalyzeOptions, 'archive'> {
  /** The archive, gzip. */
  readonly packed: Uint8Array;
  readonly signal: AbortSignal;
}

/**
 * The report that Slither's driver wrote, unread.
 * @throws {ServerError} `audit/analyzer-timeout`, `audit/analyzer-failed`; the sandbox's codes when it could not start.
 */
export async function analyze(
  analyzer: OpenAnalyzer,
  { archive, wallMs, onStarted }: AnalyzeOptions,
  context: TaskContext,
): Promise<Uint8Array> {
  const { draft, emit, signal } = context;
  const { sandbox, driver } = analyzer;
  const packed = new Uint8Array(await pack(archive, { level: 6 }));
  context.holdInputs(archive.length + packed.length);
  const codeHash = draft.payload('audit/driver.py', 'text/x-python', utf8(driver));
  draft.payload('audit/archive.json.gz', 'application/gzip', packed);
  emit({ type: 'running', attempt: 1, language: 'python', lane: sandbox.capabilities.lane });
  const result = await run(analyzer, { packed, wallMs: Math.min(wallMs, 300_000), onStarted, signal });
  const { status, error } = result;
  recordExecution(draft, result, { place: 'audit', attempt: 1, language: 'python', codeHash });
  if (signal.aborted) throw signal.reason;
  emit({
    type: 'executed',
    attempt: 1,
    status,
    error: error === null ? null : `${error.name}: ${error.message}`.slice(0, 500),
  });
  const report = result.artifacts.find(({ path }) => path === REPORT);
  if (status === 'timeout')
    throw new ServerError(
      'audit/analyzer-timeout',
      `expected Slither to end within ${Math.round(wallMs / 1000)} s, got no report; raise timeout, or audit less at once`,
    );
  if (status !== 'ok' || report === undefined)
    throw new ServerError(
      'audit/analyzer-failed',
      `expected a report from Slither, got ${failureOf(result)}; audit fewer sources to find the one it breaks on`,
    );
  draft.append({
    type: 'file.collected',
    path: '/audit/slither.json',
    content_hash: draft.payload('audit/slither.json', 'application/json', report.bytes),
    bytes: report.bytes.length,
    media_type: 'application/json',
  });
  return report.bytes;
}

async function run(
  { sandbox, driver }: OpenAnalyzer,
  { packed, wallMs, onStarted, signal }: RunOptions,
): Promise<SandboxResult> {
  const job = { language: 'python', code: driver, files: [{ path: ARCHIVE, bytes: packed }], signal } as const;
  for await (const event of sandbox.run({ ...job, limits: { wallMs: Math.max(1000, Math.round(wallMs)) } })) {
    if (event.type === 'started') onStarted();
    if (event.type === 'result') return event.result;
  }
  throw new ServerError('audit/analyzer-failed', 'expected a result from the sandbox, got none; run the audit again');
}

function failureOf({ status, error }: SandboxResult): string {
  return error === null ? status : `${error.name}: ${error.message}`.replace(/\s+/g, ' ').slice(0, 300);
}
