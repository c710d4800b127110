/**
 * One run of code in the sandbox, as every task does it: progress for those who watch, the execution claim in the receipt
 * (spec/receipt.md §3), and code, inputs, output, network and artifacts as payloads of the receipt.
 */

import { createHash } from 'node:crypto';
import { canonicalJson } from '@assay/encoding/json';
import type { ExecutionLanguage, ExecutionLimits } from '@assay/receipt';
import type { SandboxFile, SandboxJob, SandboxResult } from '@assay/sandbox';
import { SandboxError } from '@assay/sandbox';
import { ServerError } from '../errors.ts';
import { failureText } from './run-answer.ts';
import type { Artifact, TaskContext } from './task.ts';

export interface CodeRun {
  /** From 1; names the payloads. */
  readonly attempt: number;
  readonly language: ExecutionLanguage;
  readonly code: string;
  /** Who wrote it. */
  readonly source: 'model' | 'client';
  readonly files: readonly SandboxFile[];
  /** `host:port`, already permitted. */
  readonly hosts: readonly string[];
  readonly limits?: { readonly seconds?: number | undefined; readonly memory_mb?: number | undefined } | null | undefined;
  readonly stdin?: string | undefined;
  readonly argv?: readonly string[] | undefined;
  readonly session?: SandboxJob['session'];
  /**
   * Fix clock and entropy so that anyone can re-run this and compare. Left out: in the wasm lane, where the substitute clock runs on;
   * elsewhere it stands still, and programs that wait for it would not end.
   */
  readonly reproducible?: boolean | undefined;
}

export interface CodeOutcome {
  readonly result: SandboxResult;
  readonly artifacts: readonly Artifact[];
}

const MIB = 1024 * 1024;
/** File name suffix of code, by language. */
export const CODE_SUFFIX: Readonly<Record<ExecutionLanguage, string>> = { python: 'py', javascript: 'js', shell: 'sh' };
/** Media type of code, by language. */
export const CODE_TYPE: Readonly<Record<ExecutionLanguage, string>> = {
  python: 'text/x-python',
  javascript: 'text/javascript',
  shell: 'text/x-shellscript',
};
/** Inputs already kept as payloads of a receipt; attempts share them. */
const keptInputs = new WeakMap<object, Set<string>>();

/**
 * Runs code and records the run.
 *
 * @throws {ServerError} `task/cancelled` when the task was cancelled; the sandbox's own codes when it could not start. A program
 * that fails, hangs or exceeds a limit does not throw: its status says so.
 */
export async function runCode(context: TaskContext, run: CodeRun): Promise<CodeOutcome> {
  const { draft, emit, ports } = context;
  const { attempt, language, code } = run;
  const codeHash = draft.payload(`attempt-${attempt}/code.${CODE_SUFFIX[language]}`, CODE_TYPE[language], utf8(code));
  draft.append({ type: 'code.generated', attempt, language, code_hash: codeHash, source: run.source });
  keepInputs(context, run.files);
  if (run.source === 'client') emit({ type: 'code', attempt, language, code, source: run.source });
  emit({ type: 'running', attempt, language, lane: ports.sandbox.capabilities.lane });
  const result = await drain(context, run);
  const { claim } = result;
  const failure = result.status === 'ok' ? null : failureText(result);
  const keep = (name: string, mediaType: string, bytes: Uint8Array): string =>
    draft.payload(`attempt-${attempt}/${name}`, mediaType, bytes);
  draft.append({
    type: 'code.executed',
    attempt,
    language,
    code_hash: codeHash,
    ...(run.stdin === undefined ? {} : { stdin_hash: keep('stdin.txt', 'text/plain', utf8(run.stdin)) }),
    claim_hash: keep('claim.json', 'application/json', utf8(canonicalJson(claim))),
    status: result.status,
    exit_code: result.exitCode,
    ...(failure === null ? {} : { error_hash: keep('error.txt', 'text/plain', utf8(failure)) }),
    stdout_hash: keep('stdout.txt', 'text/plain', utf8(result.stdout.text)),
    stderr_hash: keep('stderr.txt', 'text/plain', utf8(result.stderr.text)),
    lane: claim.lane,
    isolation: claim.isolation,
    environment_hash: `sha256:${claim.environmentDigest}`,
    reproducibility: claim.reproducibility,
  });
  if (claim.network.mode === 'record') {
    const transcriptHash = keep('network.json', 'application/json', ports.encodeTranscript(result.network));
    draft.append({ type: 'network.fetched', attempt, transcript_hash: transcriptHash, exchanges: result.network.length });
  }
  for (const { path, mediaType, bytes } of result.artifacts) {
    const contentHash = keep(payloadName('files', path), mediaType, bytes);
    draft.append({
      type: 'file.collected',
      attempt,
      path,
      content_hash: contentHash,
      bytes: bytes.length,
      media_type: mediaType,
    });
  }
  emit({ type: 'executed', attempt, status: result.status, error: failure });
  if (context.signal.aborted) throw new ServerError('task/cancelled', 'the task was cancelled while its code ran');
  return {
    result,
    artifacts: result.artifacts.map(({ path, mediaType, bytes, sha256 }) => ({ path, mediaType, bytes: bytes.length, sha256 })),
  };
}

async function drain(context: TaskContext, run: CodeRun): Promise<SandboxResult> {
  const { attempt } = run;
  context.signal.throwIfAborted();
  for await (const event of context.ports.sandbox.run(jobOf(context, run))) {
    switch (event.type) {
      case 'started':
        break;
      case 'stdout':
      case 'stderr':
        context.emit({ type: event.type, attempt, text: event.text });
        break;
      case 'artifact':
        context.emit({ type: 'artifact', attempt, path: event.path, bytes: event.bytes, media_type: event.mediaType });
        break;
      case 'limit':
        context.emit({ type: 'limit', attempt, limit: event.limit, message: event.message });
        break;
      case 'result':
        return event.result;
    }
  }
  throw new SandboxError(
    'sandbox/unavailable',
    'the sandbox ended without a result; try again, and run assay doctor if it persists',
  );
}

function jobOf(context: TaskContext, run: CodeRun): SandboxJob {
  const wallMs = Math.round((run.limits?.seconds ?? context.ports.defaults.wallMs / 1000) * 1000);
  const limits: Partial<ExecutionLimits> = {
    wallMs,
    ...(wallMs > 30_000 ? { cpuMs: wallMs } : {}),
    memoryBytes: run.limits?.memory_mb === undefined ? context.ports.defaults.memoryBytes : run.limits.memory_mb * MIB,
  };
  return {
    language: run.language,
    code: run.code,
    files: run.files,
    limits,
    signal: context.signal,
    ...(run.hosts.length > 0 ? { network: { allow: run.hosts } } : {}),
    ...(run.stdin === undefined ? {} : { stdin: run.stdin }),
    ...(run.argv === undefined ? {} : { argv: run.argv }),
    ...(run.session === undefined ? {} : { session: run.session }),
    ...((run.reproducible ?? context.ports.sandbox.capabilities.lane === 'wasm')
      ? { seed: seedOf(context.draft.receiptId, run.attempt) }
      : {}),
  };
}

function keepInputs(context: TaskContext, files: readonly SandboxFile[]): void {
  const kept = keptInputs.get(context.draft) ?? new Set<string>();
  keptInputs.set(context.draft, kept);
  for (const { path, bytes } of files) {
    const name = payloadName('inputs', path);
    if (kept.has(name)) continue;
    kept.add(name);
    context.draft.payload(name, 'application/octet-stream', bytes);
  }
}

/** Names of payloads are bounded; a path that is too long for one is named by its hash, and stands in full in its event. */
function payloadName(prefix: string, path: string): string {
  return path.length <= 400 ? `${prefix}${path}` : `${prefix}/long-path-${createHash('sha256').update(path).digest('hex')}`;
}

function seedOf(receiptId: string, attempt: number): string {
  return createHash('sha256').update(`assay/seed/v1\n${receiptId}\n${attempt}`).digest('hex');
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
