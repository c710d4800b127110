/** What an answer says of a run of code: members of every task that runs some, and how the work ended. */

import { MAX_SKIPPED_FILES, type SandboxResult } from '@assay/sandbox';
import { z } from 'zod';
import type { WorkEnding } from './task.ts';

/** What went wrong in a run, for people and for the model's next attempt; the end of a traceback says most. */
export function failureText(result: SandboxResult): string {
  const { error, stderr, status } = result;
  if (error === null) return status === 'ok' ? '' : `the program ended with status ${status}`;
  const headline = error.name === '' ? error.message : `${error.name}: ${error.message}`;
  const trace = error.traceback !== '' ? error.traceback : stderr.text;
  return trace.trim() === '' || trace.trim().endsWith(headline) ? trace.trim() || headline : `${trace.trim()}\n${headline}`;
}

/** What clients read first of a run, in the seed's names. */
export const executionResultSchema = z.object({
  success: z.boolean(),
  stdout: z.string(),
  stderr: z.string(),
  result: z.string().nullable(),
});

/** A run in full. */
export const runDetailsSchema = executionResultSchema.extend({
  status: z.string(),
  exit_code: z.number().int().nullable(),
  error: z.object({ name: z.string(), message: z.string() }).nullable(),
  truncated: z.boolean(),
  skipped_files: z.array(z.object({ path_base64: z.string(), reason: z.string() })),
  claim_digest: z.string(),
  lane: z.string(),
  isolation: z.string(),
  reproducibility: z.string(),
  wall_ms: z.number().int(),
  memory_mib: z.number().int(),
});

type RunDetails = z.infer<typeof runDetailsSchema>;

/** Members that describe a run, with the seed's names first. */
function describeRun(result: SandboxResult): RunDetails {
  return {
    success: result.status === 'ok',
    stdout: result.stdout.text,
    stderr: result.stderr.text,
    result: result.value,
    status: result.status,
    exit_code: result.exitCode,
    error: result.error === null ? null : { name: result.error.name, message: result.error.message },
    truncated: result.stdout.truncated || result.stderr.truncated,
    skipped_files: result.skipped.map(({ pathBase64, reason }) => ({ path_base64: pathBase64, reason })),
    claim_digest: result.claimDigest,
    lane: result.claim.lane,
    isolation: result.claim.isolation,
    reproducibility: result.claim.reproducibility,
    wall_ms: Math.round(result.observed.wallMs),
    memory_mib: Math.round(result.observed.maxRssMiB),
  };
}

/** Members of the answer of every task that runs code; the origin's names and the seed's. */
export const codeAnswerSchema = z.object({
  execution_result: executionResultSchema,
  execution_details: runDetailsSchema,
  output: z.string(),
  result: z.string().nullable(),
  warnings: z.array(z.string()),
});

/** The run under the names of {@link codeAnswerSchema}. */
export function codeAnswer(run: SandboxResult): z.infer<typeof codeAnswerSchema> {
  const details = describeRun(run);
  const { success, stdout, stderr, result } = details;
  const execution_result = { success, stdout, stderr, result };
  return { execution_result, execution_details: details, output: stdout, result, warnings: runWarnings(run) };
}

/** Says how many files of a run were not kept, by reason. */
export function runWarnings({ skipped, claim }: SandboxResult): string[] {
  if (skipped.length === 0) return [];
  const counts = new Map<string, number>();
  for (const { reason } of skipped) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const reasons = [...counts].map(([reason, count]) => `${count} × ${reason}`).join(', ');
  const { artifacts } = claim.limits;
  const more = skipped.length < MAX_SKIPPED_FILES ? skipped.length : `at least ${MAX_SKIPPED_FILES}`;
  return [
    `expected at most ${artifacts} regular files, got ${more} more that were not kept (${reasons}); write fewer, or an archive`,
  ];
}

/** How work ended that was one run of code. */
export function runEnding(result: SandboxResult, words: { readonly succeeded: string; readonly failed: string }): WorkEnding {
  if (result.status === 'ok') return { status: 'succeeded', message: words.succeeded };
  return { status: 'failed', message: words.failed, error: failureText(result), code: 'task/code-failed' };
}
