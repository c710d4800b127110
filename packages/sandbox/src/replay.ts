/**
 * Runs an execution again from its claim and says what differs. Format: spec/execution-claim.md.
 *
 * Not checked here: whether the claim is authentic (its receipt says that), or whether the environment is the recorded one; the
 * report names both digests, and a difference under another environment proves nothing.
 */

import type { ExecutionClaim } from '@assay/receipt';
import type { NetworkTranscript, Sandbox, SandboxFile, SandboxJob, SandboxResult } from './port.ts';

/** What a bundle gives. */
export interface RecordedExecution {
  readonly claim: ExecutionClaim;
  /** UTF-8 source with the claim's `codeSha256`. */
  readonly code: string;
  readonly inputs: readonly SandboxFile[];
  /** What was written to its standard input; the receipt keeps it (`stdin_hash`), the claim does not. */
  readonly stdin?: string;
  /** Empty when the claim's network is off. */
  readonly transcript: NetworkTranscript;
  /** Earlier cells of the same session, first to last; needed when the claim has a `sessionPrevious`. */
  readonly earlier?: readonly Omit<RecordedExecution, 'earlier'>[];
}

/** One thing that came out differently. */
export interface ReplayDifference {
  readonly what: 'status' | 'exitCode' | 'stdout' | 'stderr' | 'outputs' | 'network' | 'inputs' | 'code';
  readonly recorded: string;
  readonly now: string;
}

/** What a replay showed. */
export interface ReplayReport {
  /** `identical`: the same came out. `differs`: it did not, though the claim promised it here. `inconclusive`: nothing can be said. */
  readonly outcome: 'identical' | 'differs' | 'inconclusive';
  readonly differences: readonly ReplayDifference[];
  readonly sameEnvironment: boolean;
  /** Why the outcome is no more than it is; one line each. */
  readonly notes: readonly string[];
  readonly result: SandboxResult;
}

/**
 * Runs `recorded` again in `sandbox` with the same code, inputs, seed, clock, limits and network transcript.
 *
 * @example
 * const report = await replayExecution({ claim, code, inputs, transcript: [] }, sandbox);
 * if (report.outcome === 'differs') console.error(report.differences);
 */
export async function replayExecution(recorded: RecordedExecution, sandbox: Sandbox): Promise<ReplayReport> {
  const { claim, earlier = [] } = recorded;
  const session = claim.sessionPrevious === null ? null : `replay-${crypto.randomUUID()}`;
  let previousClaim: string | null = null;
  if (session !== null) {
    for (const cell of earlier) previousClaim = (await runToResult(sandbox, jobOf(cell, session, previousClaim))).claimDigest;
  }
  const result = await runToResult(sandbox, jobOf(recorded, session, previousClaim));
  const differences = compare(claim, result.claim);
  const sameEnvironment = claim.environmentDigest === result.claim.environmentDigest;
  const notes = notesOn(claim, sameEnvironment, session !== null && earlier.length === 0);
  const promised = claim.reproducibility === 'bit-exact' && sameEnvironment && (session === null || earlier.length > 0);
  const outcome = differences.length === 0 ? 'identical' : promised ? 'differs' : 'inconclusive';
  return { outcome, differences, sameEnvironment, notes, result };
}

function jobOf(recorded: Omit<RecordedExecution, 'earlier'>, session: string | null, previousClaim: string | null): SandboxJob {
  const { claim, code, inputs, stdin, transcript } = recorded;
  return {
    language: claim.language,
    code,
    files: inputs,
    argv: claim.argv,
    limits: claim.limits,
    ...(stdin === undefined ? {} : { stdin }),
    ...(claim.seed === '' ? {} : { seed: claim.seed }),
    ...(claim.clock.mode === 'frozen' ? { epochMs: claim.clock.epochMs } : {}),
    ...(claim.network.mode === 'record' ? { network: { allow: [], replay: transcript } } : {}),
    ...(session === null ? {} : { session: { id: session, previousClaim } }),
  };
}

function compare(recorded: ExecutionClaim, now: ExecutionClaim): readonly ReplayDifference[] {
  const files = (list: ExecutionClaim['outputs']): string =>
    JSON.stringify(list.map(({ path, bytes, sha256 }) => [path, bytes, sha256]));
  const network = ({ network: seen }: ExecutionClaim): string => (seen.mode === 'off' ? 'off' : seen.transcriptSha256);
  const pairs: readonly [ReplayDifference['what'], string, string][] = [
    ['code', recorded.codeSha256, now.codeSha256],
    ['inputs', files(recorded.inputs), files(now.inputs)],
    ['status', recorded.status, now.status],
    ['exitCode', String(recorded.exitCode), String(now.exitCode)],
    ['stdout', recorded.stdoutSha256, now.stdoutSha256],
    ['stderr', recorded.stderrSha256, now.stderrSha256],
    ['outputs', files(recorded.outputs), files(now.outputs)],
    ['network', network(recorded), network(now)],
  ];
  return pairs.flatMap(([what, before, after]) => (before === after ? [] : [{ what, recorded: before, now: after }]));
}

function notesOn(claim: ExecutionClaim, sameEnvironment: boolean, cellsMissing: boolean): readonly string[] {
  return [
    ...(sameEnvironment ? [] : ['another environment: interpreter, libraries or machine are not the recorded ones']),
    ...(claim.reproducibility === 'none'
      ? ['no promise: host clock or entropy, or an end that depends on how fast the machine was']
      : []),
    ...(claim.reproducibility === 'cpu-dependent'
      ? ['native code: floating point may differ on another kind of processor']
      : []),
    ...(cellsMissing ? ['a cell of a session: its earlier cells were not given, so it ran without their state'] : []),
  ];
}

/** Runs a job to its end. */
async function runToResult(sandbox: Sandbox, job: SandboxJob): Promise<SandboxResult> {
  for await (const event of sandbox.run(job)) if (event.type === 'result') return event.result;
  throw new Error('expected a result as last event of the run');
}
