/**
 * The answer of a task as clients get it: how it ended, the task's own members, and what every answer has: attestation, where to
 * verify it, files. Without `receipt` and `log_proof` it is what the receipt's `response.returned` covers (spec/receipt.md §2).
 */

import type { CodedError } from '@assay/encoding/coded-error';
import { z } from 'zod';
import { problemMembers, statusOf } from '../error-status.ts';
import { retryAfterOf } from '../retry-after.ts';
import { endingOf, type TaskEnding } from './ending.ts';
import type { Artifact, TaskResult } from './task.ts';
import { type AttestationMember, attestationSchema } from './task-attestation.ts';

/** What came of the work: a result, or the error because of which there is none. */
export type Work =
  | { readonly kind: 'done'; readonly result: TaskResult }
  | { readonly kind: 'refused'; readonly error: CodedError };

export const artifactSchema = z.object({
  path: z.string(),
  mediaType: z.string(),
  media_type: z.string(),
  bytes: z.number().int(),
  sha256: z.string(),
  url: z.string(),
});

/** Members of every answer, in addition to the task's own. */
export const commonAnswerSchema = z.object({
  attestation: attestationSchema.nullable().describe('what attests the agent, when include_attestation asked for it'),
  verification_instructions: z.object({ message: z.string(), verification_script: z.string(), docs_url: z.string() }),
  verification_url: z.string(),
  task_id: z.string(),
  receipt_id: z.string(),
  bundle_url: z.string(),
  artifacts: z.array(artifactSchema),
});

/** How work ended, in an answer with status 200. */
export const endingSchema = z.object({
  success: z.boolean(),
  message: z.string(),
  error: z.string().optional().describe('what went wrong; only with success false'),
  error_code: z.string().optional().describe('its code in docs/errors.md; only with success false'),
});

export type TaskAnswer = z.infer<typeof endingSchema> & z.infer<typeof commonAnswerSchema>;

export interface AnswerFacts {
  readonly taskId: string;
  readonly receiptId: string;
  /** `https://agent.example`. */
  readonly origin: string;
  /** `null` when none was asked for. */
  readonly attestation: AttestationMember | null;
}

/** The ending of the work. */
export function workEnding(work: Work): TaskEnding {
  if (work.kind === 'refused') return endingOf(work.error.code);
  return endingOf(work.result.ending.status === 'succeeded' ? null : work.result.ending.code);
}

/** The whole answer, without receipt and proof. */
export function taskAnswer(work: Work, { taskId, receiptId, origin, attestation }: AnswerFacts): TaskAnswer {
  const wanted = attestation !== null;
  return {
    ...ownMembers(work),
    attestation,
    verification_instructions: {
      message: wanted
        ? 'This result includes TEE attestation and a signed, logged receipt. Save this response as attestation.json and verify it.'
        : 'This result has a signed, logged receipt. Fetch the bundle and verify it, on any machine, without this agent.',
      verification_script: wanted ? 'npx assay verify attestation.json' : `npx assay verify ${receiptId}.bundle.json`,
      docs_url: `${origin}/verify`,
    },
    verification_url: `${origin}/verify?receipt=${receiptId}`,
    task_id: taskId,
    receipt_id: receiptId,
    bundle_url: `${origin}/bundles/${receiptId}`,
    artifacts: artifactsOf(work).map((artifact) =>
      describeArtifact(artifact, `${origin}/api/tasks/${encodeURIComponent(taskId)}`),
    ),
  };
}

function ownMembers(work: Work): z.infer<typeof endingSchema> {
  if (work.kind === 'refused') return refusalMembers(work.error);
  const { ending, answer } = work.result;
  const { message } = ending;
  if (ending.status === 'succeeded') return { success: true, message, ...answer };
  return { success: false, message, error: ending.error, error_code: ending.code, ...answer };
}

function refusalMembers(error: CodedError) {
  const { code, kind, message, details } = error;
  const { recordedDemos } = details;
  const later = retryAfterOf(error);
  return {
    success: false,
    error: message,
    error_code: code,
    message,
    ...problemMembers(code, message, statusOf(code, kind)),
    ...(later === null ? {} : { retry_after_seconds: later }),
    ...(Array.isArray(recordedDemos) ? { recorded_demos: recordedDemos } : {}),
  };
}

function artifactsOf(work: Work): readonly Artifact[] {
  return work.kind === 'done' ? (work.result.artifacts ?? []) : [];
}

/** The seed's clients read `mediaType`; the other one is written as everything else in answers is. */
function describeArtifact({ path, mediaType, bytes, sha256 }: Artifact, taskUrl: string): z.infer<typeof artifactSchema> {
  const url = `${taskUrl}/artifacts${path.split('/').map(encodeURIComponent).join('/')}`;
  return { path, mediaType, media_type: mediaType, bytes, sha256, url };
}
