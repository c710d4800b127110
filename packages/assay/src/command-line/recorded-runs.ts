/** Finds in a bundle what the executions of a receipt need to run again (spec/execution-claim.md). */

import { createHash } from 'node:crypto';
import type { ImageKind, RecordedExecution, SandboxFile, transcriptFromJson } from '@assay/agent';
import { canonicalJson, parseJson } from '@assay/encoding/json';
import type { ExecutionClaim } from '@assay/receipt';

export interface RecordedRun {
  /** `attempt 1 of rcpt_…`. */
  readonly name: string;
  readonly execution: RecordedExecution;
  /** The packages that it found, where they were not the usual ones. */
  readonly image: ImageKind | null;
}

/** A run that cannot be repeated, and why. */
export interface MissingRun {
  readonly name: string;
  readonly missing: string;
}

export interface RunSources {
  readonly receiptId: string;
  readonly events: readonly Readonly<Record<string, unknown>>[];
  /** The bytes of a payload by `sha256:<hex>`, `null` when the bundle leaves them out. */
  readonly payload: (digest: string) => Uint8Array | null;
  /** The server's reader of recorded exchanges. */
  readonly readTranscript: typeof transcriptFromJson;
}

/** Every execution of a receipt, in order. Cells of a session carry the earlier cells that are in the same receipt. */
export function recordedRuns(sources: RunSources): readonly (RecordedRun | MissingRun)[] {
  const cells = new Map<string, RecordedExecution>();
  return sources.events
    .filter(({ type }) => type === 'code.executed')
    .map((event) => {
      const name = `attempt ${String(event.attempt ?? 1)} of ${sources.receiptId}`;
      const execution = readExecution(event, sources);
      if (typeof execution === 'string') return { name, missing: execution };
      const { earlier, ...cell } = { ...execution, earlier: earlierCells(execution.claim, cells) };
      if (earlier === null) return { name, missing: 'it continues a session that began in another receipt' };
      cells.set(digestOf(cell.claim), cell);
      return { name, execution: { ...cell, earlier }, image: event.image === 'slither' ? 'slither' : null };
    });
}

function readExecution(
  event: Readonly<Record<string, unknown>>,
  { events, payload, readTranscript }: RunSources,
): RecordedExecution | string {
  const claimBytes = payload(String(event.claim_hash));
  const code = payload(String(event.code_hash));
  if (claimBytes === null || code === null) return 'claim or code was left out of the bundle';
  const claim = parseJson(claimBytes) as unknown as ExecutionClaim;
  if (claim.v !== 1 || claim.codeSha256 !== createHash('sha256').update(code).digest('hex'))
    return 'the claim is about other code';
  const inputs: SandboxFile[] = [];
  for (const { path, sha256 } of claim.inputs) {
    const bytes = payload(`sha256:${sha256}`);
    if (bytes === null) return `input ${path} was left out of the bundle`;
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
