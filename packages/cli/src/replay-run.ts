/**
 * Runs one recorded execution again and compares (spec/execution-claim.md): same code, inputs, seed, clock, limits and network
 * transcript, all from the bundle; only the sandbox is this machine's.
 */

import { createHash } from 'node:crypto';
import { canonicalJson, type Json, parseJson } from '@assay/encoding/json';
import type { ExecutionClaim } from '@assay/receipt';
import type { Sandbox, SandboxFile, SandboxJob, SandboxResult } from '@assay/server';

export interface RecordedRun {
  /** `attempt 1 of rcpt_…`. */
  readonly name: string;
  readonly claim: ExecutionClaim;
  readonly code: string;
  readonly inputs: readonly SandboxFile[];
  /** What was written to its standard input, `null` for nothing. */
  readonly stdin: string | null;
  /** JSON of the recorded exchanges, `null` when the code had no network. */
  readonly transcript: Json | null;
}

/** `identical`: everything a claim promises came out again. `inconclusive`: this machine cannot tell, and says why. */
export interface ReplayVerdict {
  readonly name: string;
  readonly outcome: 'identical' | 'differs' | 'inconclusive';
  readonly notes: readonly string[];
  readonly differences: readonly { readonly what: string; readonly recorded: string; readonly now: string }[];
}

type Events = readonly Readonly<Record<string, unknown>>[];

/** What a receipt and the payloads beside it allow to run again; a text instead says what is missing. */
export function recordedRuns(
  receiptId: string,
  events: Events,
  payload: (digest: string) => Uint8Array | null,
): readonly (RecordedRun | string)[] {
  return events
    .filter(({ type }) => type === 'code.executed')
    .map((event) => {
      const name = `attempt ${String(event.attempt ?? 1)} of ${receiptId}`;
      const claimBytes = payload(String(event.claim_hash));
      const code = payload(String(event.code_hash));
      if (claimBytes === null || code === null) return `${name}: claim or code was left out of the bundle`;
      const claim = parseJson(claimBytes) as unknown as ExecutionClaim;
      if (claim.v !== 1 || claim.codeSha256 !== sha256(code)) return `${name}: the claim is about other code`;
      if (claim.sessionPrevious !== null) return `${name}: it continues a session, whose earlier cells are not replayed`;
      const inputs: SandboxFile[] = [];
      for (const { path, sha256: digest } of claim.inputs) {
        const bytes = payload(`sha256:${digest}`);
        if (bytes === null) return `${name}: input ${path} was left out of the bundle`;
        inputs.push({ path, bytes });
      }
      const typed = event.stdin_hash === undefined ? null : payload(String(event.stdin_hash));
      if (event.stdin_hash !== undefined && typed === null) return `${name}: the standard input was left out of the bundle`;
      const stdin = typed === null ? null : text(typed);
      if (claim.network.mode === 'off') return { name, claim, code: text(code), inputs, stdin, transcript: null };
      const fetched = events.find(({ type, attempt }) => type === 'network.fetched' && attempt === event.attempt);
      const bytes = fetched === undefined ? null : payload(String(fetched.transcript_hash));
      if (bytes === null) return `${name}: the network transcript was left out of the bundle`;
      return { name, claim, code: text(code), inputs, stdin, transcript: parseJson(bytes) };
    });
}

/** The job that repeats the run. `replay` reads the transcript in the server's own form. */
export function jobOf(
  run: RecordedRun,
  transcriptFromJson: (json: unknown) => NonNullable<SandboxJob['network']>['replay'],
): SandboxJob {
  const { claim, code, inputs, stdin, transcript } = run;
  const replay = transcript === null ? undefined : transcriptFromJson(transcript);
  return {
    language: claim.language,
    code,
    files: inputs,
    argv: claim.argv,
    limits: claim.limits,
    ...(stdin === null ? {} : { stdin }),
    ...(claim.seed === '' ? {} : { seed: claim.seed }),
    ...(claim.clock.mode === 'frozen' ? { epochMs: claim.clock.epochMs } : {}),
    ...(replay === undefined ? {} : { network: { allow: [], replay } }),
  };
}

/** Runs the job to its end. */
export async function runToEnd(sandbox: Sandbox, job: SandboxJob): Promise<SandboxResult> {
  for await (const event of sandbox.run(job)) if (event.type === 'result') return event.result;
  throw new Error('the sandbox ended without a result');
}

/** What the two runs have in common. */
export function compareRuns({ name, claim }: RecordedRun, result: SandboxResult): ReplayVerdict {
  const { claim: now } = result;
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['status', claim.status, now.status],
    ['exit code', claim.exitCode, now.exitCode],
    ['standard output', claim.stdoutSha256, now.stdoutSha256],
    ['standard error', claim.stderrSha256, now.stderrSha256],
    ['files', canonicalJson(claim.outputs), canonicalJson(now.outputs)],
  ];
  const differences = pairs.flatMap(([what, recorded, here]) =>
    recorded === here ? [] : [{ what, recorded: String(recorded), now: String(here) }],
  );
  const notes = [
    ...(claim.environmentDigest === now.environmentDigest
      ? []
      : [`other environment: recorded ${claim.environmentDigest}, here ${now.environmentDigest}`]),
    ...(claim.reproducibility === 'none'
      ? ["the agent promised no reproducibility: clock or entropy were the host's, or a limit ended the run"]
      : []),
    ...(claim.reproducibility === 'cpu-dependent' ? ['native code: floating point may differ on another CPU'] : []),
  ];
  if (differences.length === 0) return { name, outcome: 'identical', notes, differences };
  const promised = claim.reproducibility === 'bit-exact' && claim.environmentDigest === now.environmentDigest;
  return { name, outcome: promised ? 'differs' : 'inconclusive', notes, differences };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function text(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
