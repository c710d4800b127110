/**
 * What a task is: a name, the shapes of its request and of its answer, and a function that does the work, appends events to the
 * receipt it is given and says how the work ended. Tasks see ports only; `run-task.ts` opens and seals the receipt around them.
 */

import type { Clock, ReceiptDraft } from '@assay/ledger';
import type { Digest, DsseEnvelope } from '@assay/receipt';
import type { NetworkTranscript, Sandbox } from '@assay/sandbox';
import type { z } from 'zod';
import type { ServerErrorCode } from '../errors.ts';
import type { Analyzer } from '../ports/analyzer.ts';
import type { ResultAttestation } from '../ports/attester.ts';
import type { Compilers } from '../ports/compilers.ts';
import type { Model } from '../ports/model.ts';
import type { ProgressDraft } from '../ports/task-events.ts';
import type { UpstreamSession } from '../ports/upstream.ts';
import type { Workspaces } from '../ports/workspaces.ts';
import type { HostPermit } from './network-hosts.ts';
import type { Decision, Proposal } from './review.ts';
import type { TokenUsage } from './token-usage.ts';

/** What every task may use. */
export interface TaskPorts {
  readonly model: Model;
  readonly sandbox: Sandbox;
  readonly workspaces: Workspaces;
  readonly compilers: Compilers;
  readonly analyzer: Analyzer;
  /** Has the TEE vouch for a result that this agent computed. @throws {ServerError} `attester/unavailable`. */
  readonly attestResult: (result: Digest, nonce: string | null) => Promise<ResultAttestation>;
  /** Signs an in-toto statement with the provenance key of the keyset in force. */
  readonly signProvenance: (statementFor: (keysetDigest: Digest) => string) => Promise<DsseEnvelope>;
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
  /** The client's nonce, 64 lower-case hex characters, or `null`. */
  readonly nonce: string | null;
  /** The request came through a channel that ends inside the enclave. */
  readonly sealed: boolean;
  /** The request's `context` as JSON text with the digits that the client wrote; `null` when there is none. */
  readonly contextText: string | null;
  readonly draft: ReceiptDraft;
  readonly signal: AbortSignal;
  readonly ports: TaskPorts;
  /** Makes room for files that are about to be read, together. @throws {ServerError} `server/busy`. */
  readonly holdInputs: (bytes: number) => void;
  /** Shows code to the one who started the task and waits for the decision, outside of its turn; `null` when it took too long. */
  readonly review: (proposal: Proposal) => Promise<Decision | null>;
  /** Tells those who watch. */
  readonly emit: (event: ProgressDraft) => void;
}

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
  readonly usage: TokenUsage;
  /** Epoch seconds. */
  readonly timestamp: number;
  /** The verified session the model answered in; `null` when its provider was not attested. */
  readonly session: UpstreamSession | null;
}

/** How a model's writing went, for the receipt and the metrics. */
export interface Generation {
  readonly language: string;
  readonly retries: number;
}

/** How work that could be done ended, with the line that people read. `failed`: it was done, and the answer is no. */
export type WorkEnding =
  | { readonly status: 'succeeded'; readonly message: string }
  | { readonly status: 'failed'; readonly message: string; readonly error: string; readonly code: ServerErrorCode };

/** What a task gives back. Work that cannot be done at all throws a coded error instead. */
export interface TaskResult<Answer extends object = object> {
  readonly ending: WorkEnding;
  /** The task's own members of the answer, in the order in which clients see them. */
  readonly answer: Answer;
  readonly artifacts?: readonly Artifact[] | undefined;
  readonly inference?: Inference | null | undefined;
  readonly generation?: Generation | undefined;
}

/** What a task needs in addition to the workspaces. */
export type TaskNeed = 'model' | 'sandbox';

/** Members that every request has. */
export interface TaskInput {
  readonly include_attestation: boolean;
}

/** One kind of work. */
export interface Task<Input extends TaskInput, Answer extends object> {
  /** `data.type` of the request. */
  readonly type: string;
  readonly summary: string;
  /** Work waits for a sandbox that is being opened only when it needs one; a receipt names the model of work that asks one. */
  readonly needs: readonly TaskNeed[];
  /** Shape of `data`; unknown members are ignored. */
  readonly input: z.ZodObject & z.ZodType<Input>;
  /** Shape of the task's own members of the answer. */
  readonly answer: z.ZodObject & z.ZodType<Answer>;
  run(input: Input, context: TaskContext): Promise<TaskResult<Answer>>;
}
