/** Finds in a bundle what the executions of a receipt need to run again (spec/execution-claim.md). */

import { createHash } from 'node:crypto';
import type { ImageKind, RecordedExecution, SandboxFile, transcriptFromJson } from '@assay/agent';
import { canonicalJson, parseJson } from '@assay/encoding/json';
import type { ExecutionClaim } from '@assay/receipt';
import { unreadable } from './replay-build.ts';

export interface RecordedRun {
  /** `attempt 1 of rcpt_…`. */
  readonly name: string;
  readonly execution: RecordedExecution;
  /** The packages that it found, where they were not the usual ones. */
  readonly image: ImageKind | null;
  /** The linter's: apart from the audit, so that it decides nothing. */
  readonly isLint: boolean;
}

/** A run that cannot be repeated, and why. */
export interface MissingRun {
  readonly name: string;
  readonly missing: string;
  readonly isLint: boolean;
}

export interface RunSources {
  readonly receiptId: string;
  readonly events: readonly Readonly<Record<string, unknown>>[];
  /** The bytes of a payload by `sha256:<hex>`, `null` when the bundle leaves them out. */
  readonly payload: (digest: string) => Uint8Array | null;
  /** The server's reader of recorded exchanges. */
  readonly readTranscript: typeof transcriptFromJson;
  /** `sha256:` and the digest of the linter's program that `assay sandbox install` gives. */
  readonly linter: string;
}

/** Where the linter's run has its program. */
const LINTER = '/tmp/solhint.cjs';

/** Every execution of a receipt, in order. Cells of a session carry the earlier cells that are in the same receipt. */
export function recordedRuns(sources: RunSources): readonly (RecordedRun | MissingRun)[] {
  const cells = new Map<string, RecordedExecution>();
  return sources.events
    .filter(({ type }) => type === 'code.executed')
    .map((event) => {
      const { isLint, execution } = readRun(event, sources);
      const name = `${isLint ? 'linter' : `attempt ${String(event.attempt ?? 1)}`} of ${sources.receiptId}`;
      if (typeof execution === 'string') return { name, missing: execution, isLint };
      const { earlier, ...cell } = { ...execution, earlier: earlierCells(execution.claim, cells) };
      if (earlier === null) return { name, missing: 'it continues a session that began in another receipt', isLint };
      cells.set(digestOf(cell.claim), cell);
      return { name, execution: { ...cell, earlier }, image: event.image === 'slither' ? 'slither' : null, isLint };
    });
}

/** A string as `execution`: why it cannot run again. */
function readRun(event: Readonly<Record<string, unknown>>, sources: RunSources) {
  try {
    return { isLint: isLintRun(event, sources), execution: readExecution(event, sources) };
  } catch (error) {
    return { isLint: false, execution: unreadable(error) };
  }
}

function readExecution(event: Readonly<Record<string, unknown>>, sources: RunSources): RecordedExecution | string {
  const { events, payload, readTranscript } = sources;
  const claimBytes = payload(String(event.claim_hash));
  const code = payload(String(event.code_hash));
  if (claimBytes === null || code === null) return 'claim or code was left out of the bundle';
  const claim = parseJson(claimBytes) as unknown as ExecutionClaim;
  if (claim.v !== 1 || claim.codeSha256 !== createHash('sha256').update(code).digest('hex'))
    return 'the claim is about other code';
  const inputs: SandboxFile[] = [];
  for (const { path, sha256 } of claim.inputs) {
    const bytes = payload(`sha256:${sha256}`);
    if (bytes === null)
      return path === LINTER ? missingLinter(`sha256:${sha256}`, sources) : `input ${path} was left out of the bundle`;
    inputs.push({ path, bytes });
  }
  const typed = event.stdin_hash === undefined ? undefined : payload(String(event.stdin_hash));
  if (typed === null) return 'its standard input was left out of the bundle';
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const stdin = typed === undefined ? {} : { stdin: decoder.decode(typed) };
  const source = { claim, code: decoder.decode(code), inputs, ...stdin };
  if (claim.network.mode === 'off') return { ...source, transcript: [] };
  const fetched = events.find(({ type, attempt }) => type === 'network.fetched' && attempt === event.attempt);
  const bytes = fetched === undefined ? null : payload(String(fetched.transcript_hash));
  return bytes === null
    ? 'the network transcript was left out of the bundle'
    : { ...source, transcript: readTranscript(parseJson(bytes)) };
}

/** A program of JavaScript in the analyser's sandbox whose claim names the linter's, in a receipt that says it was linted. */
function isLintRun(event: Readonly<Record<string, unknown>>, { events, payload }: RunSources): boolean {
  if (event.image !== 'slither' || event.language !== 'javascript') return false;
  if (!events.some(({ type }) => type === 'contract.linted')) return false;
  const bytes = payload(String(event.claim_hash));
  return bytes !== null && (parseJson(bytes) as unknown as ExecutionClaim).inputs.some(({ path }) => path === LINTER);
}

function missingLinter(digest: string, { events, linter }: RunSources): string {
  if (digest === linter) return 'its program is not installed here; install it: assay sandbox install --lane solhint';
  const made = events.find(({ type }) => type === 'contract.linted')?.linter;
  return `it was made by ${String(made ?? 'another linter')} (${digest}), which this release does not install`;
}

/** Cells before this one, first to last; `null` when the chain leaves the receipt. */
function earlierCells(
  claim: ExecutionClaim,
  cells: ReadonlyMap<string, RecordedExecution>,
): readonly RecordedExecution[] | null {
  const chain: RecordedExecution[] = [];
  for (let previous = claim.sessionPrevious; previous !== null; ) {
    const cell = cells.get(previous);
    if (cell === undefined) return null;
    chain.unshift(cell);
    previous = cell.claim.sessionPrevious;
  }
  return chain;
}

function digestOf(claim: ExecutionClaim): string {
  return createHash('sha256').update(canonicalJson(claim)).digest('hex');
}
