/**
 * What a task is: a name, the shape of its request, and a function that does the work, appends events to the receipt it is given
 * and returns the members of its answer. Tasks see ports only; `run-task.ts` opens and seals the receipt around them.
 */

import type { z } from 'zod';
import type { ServerErrorCode } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ReceiptDraft } from '../ports/ledger.ts';
import type { Model } from '../ports/model.ts';
import type { NetworkTranscript, Sandbox } from '../ports/sandbox.ts';
import type { UpstreamSession } from '../ports/upstream.ts';
import type { Workspaces } from '../ports/workspaces.ts';
import type { HostPermit } from './network-hosts.ts';
import type { ProgressDraft } from './progress.ts';

/** What every task may use. */
export interface TaskPorts {
  readonly model: Model;
  readonly sandbox: Sandbox;
  readonly workspaces: Workspaces;
  readonly clock: Clock;
  /** Which hosts code may reach, by the operator's rule. */
  readonly permitHosts: (wanted: readonly string[]) => HostPermit;
  /** Canonical bytes of a transcript, as claims hash them. */
  readonly encodeTranscript: (transcript: NetworkTranscript) => Uint8Array;
  /** Limits of one run when the request sets none. */
  readonly defaults: { readonly wallMs: number; readonly memoryBytes: number };
}

/** One run of a task. */
export interface TaskContext {
  readonly taskId: string;
  /** Hex SHA-256 of the API key behind the request, `null` without one; sessions belong to it. */
  readonly access: string | null;
  /** The request's `context` as JSON text with the digits that the client wrote; `null` when there is none. */
  readonly contextText: string | null;
  readonly draft: ReceiptDraft;
  readonly signal: AbortSignal;
  readonly ports: TaskPorts;
  /** Tells those who watch. */
  readonly emit: (event: ProgressDraft) => void;
}

export type AnswerMembers = Readonly<Record<string, unknown>>;

/** A file the work left behind; its bytes are a payload of the receipt. */
export interface Artifact {
  readonly path: string;
  readonly mediaType: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** What is known about the inference behind an answer; becomes `attestation.inference`. */
export interface Inference {
  readonly model: string;
  /** Lower-case hex SHA-256 of the UTF-8 user prompt of the last attempt. */
  readonly promptHash: string;
  /** Lower-case hex SHA-256 of the UTF-8 generated code. */
  readonly responseHash: string;
  readonly usage: {
    readonly prompt_tokens: number | null;
    readonly completion_tokens: number | null;
    readonly total_tokens: number | null;
  };
  /** Epoch seconds. */
  readonly timestamp: number;
  /** The verified session the model answered in; `null` when its provider was not attested. */
  readonly session: UpstreamSession | null;
}

export interface TaskAnswer {
  readonly success: boolean;
  /** Members in the order in which clients see them. */
  readonly members: AnswerMembers;
  readonly artifacts: readonly Artifact[];
  readonly inference: Inference | null;
  /** Set when the work could not be done at all; decides the HTTP status. */
  readonly errorCode: ServerErrorCode | null;
}

export interface Task<Input = unknown> {
  /** `data.type` of the request. */
  readonly type: string;
  readonly summary: string;
  /** True for work that runs no code, and so need not wait for a sandbox that is being opened. */
  readonly withoutSandbox?: true;
  /** Shape of `data`; unknown members are ignored. */
  readonly input: z.ZodType<Input>;
  run(input: Input, context: TaskContext): Promise<TaskAnswer>;
}
