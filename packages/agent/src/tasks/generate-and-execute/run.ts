/**
 * `ai_generate_and_execute`: a person describes a task, a model writes a program, the sandbox runs it, and a failure goes back to
 * the model until it works or the retries are used up. Every attempt is in the receipt: what was asked, what came back, which
 * code that was, how it ran.
 */

import { createHash } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import type { SandboxFile, SandboxResult } from '@assay/sandbox';
import { SandboxError } from '@assay/sandbox';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { ModelProvenance, ModelReply, ModelTask } from '../../ports/model.ts';
import { DEFAULT_WORKSPACE } from '../../ports/workspaces.ts';
import { filesSchema, limitsSchema, networkSchema, readFiles, reproducibleSchema, workspaceSchema } from '../inputs.ts';
import { recordNoReply, recordReply, usageOf } from '../model-record.ts';
import { hostsOfContext } from '../network-hosts.ts';
import { codeAnswer, codeAnswerSchema, executionResultSchema, failureText, runDetailsSchema } from '../run-answer.ts';
import { runCode } from '../run-code.ts';
import type { Artifact, Inference, Task, TaskContext, TaskResult, WorkEnding } from '../task.ts';
import { type FileWishes, gatherFiles, keepRequestFiles } from '../task-files.ts';
import { tokenUsageSchema } from '../token-usage.ts';
import { shapeOf } from './data-shape.ts';
import { emptySuccess } from './empty-success.ts';
import { givenLines } from './given-lines.ts';
import { absentFiles, conversation, type FailedAttempt, type PromptFacts, replyBlock } from './prompt.ts';
import { programOf, type ReplyProgram } from './reply/reply-program.ts';
import { spokenPart } from './reply/spoken.ts';
import { type ReviewedCode, reviewedCode } from './reviewed-code.ts';
import { workedExample } from './worked-example.ts';

const languageSchema = z.enum(['python', 'javascript']);

const input = z.object({
  type: z.literal('ai_generate_and_execute'),
  description: z.string().trim().min(1, 'expected what the code should do').max(32_768),
  language: languageSchema.default('python'),
  context: z.record(z.string(), z.unknown()).nullish().describe('variables, requirements and other facts for the program'),
  max_retries: z.number().int().min(0).max(10).default(2),
  include_attestation: z.boolean().default(false),
  review: z.boolean().default(false).describe('each program waits for a person before it runs'),
  files: filesSchema,
  workspace: workspaceSchema,
  network: networkSchema,
  limits: limitsSchema,
  reproducible: reproducibleSchema,
});

const provenanceSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('unverified'), provider: z.string(), url: z.string() }),
  z.object({ kind: z.literal('recorded'), file: z.string(), sha256: z.string() }),
  z.object({ kind: z.literal('embedded'), model: z.string(), sha256: z.string(), profile: z.string() }),
  z.object({
    kind: z.literal('attested'),
    provider: z.string(),
    url: z.string(),
    session: z.string(),
    simulated: z.boolean(),
  }),
]);

const answer = codeAnswerSchema.extend({
  language: languageSchema,
  generated_code: z.string().nullable(),
  executed_code: z.string().nullish().describe('what ran, when the code was reviewed before'),
  reviewed: z.enum(['run', 'edited']).nullish().describe('how the newest code was approved'),
  execution_details: z.union([runDetailsSchema, executionResultSchema]),
  retries_used: z.number().int(),
  model: z.string().nullable(),
  usage: tokenUsageSchema.nullable(),
  model_provenance: provenanceSchema.nullable(),
});

type Input = z.infer<typeof input>;
type Answer = z.infer<typeof answer>;

interface AttemptFailure {
  readonly error: string;
  readonly code: 'model/incomplete' | 'model/no-code' | 'task/code-failed';
}

/** What the attempts so far have led to. */
interface Standing {
  readonly failures: readonly FailedAttempt[];
  /** The model's newest. */
  readonly code: string | null;
  /** What was approved last, when the code is reviewed. */
  readonly reviewed: ReviewedCode | null;
  readonly result: SandboxResult | null;
  readonly artifacts: readonly Artifact[];
  readonly inference: Inference | null;
  readonly provenance: ModelProvenance | null;
  /** What went wrong in the last attempt; `null` when it worked. */
  readonly failure: AttemptFailure | null;
  /** The model has no other reply. */
  readonly isLast: boolean;
  /** What was mended in the program that ran last. */
  readonly notes: readonly string[];
}

const NOTHING: Standing = {
  failures: [],
  code: null,
  reviewed: null,
  result: null,
  artifacts: [],
  inference: null,
  provenance: null,
  failure: null,
  isLast: false,
  notes: [],
};
/** Of an embedded model, by attempt. Its likeliest program is its best one; after a failure it has to choose other words. */
const TEMPERATURES = [0, 0.7, 1] as const;
const MAX_CONTEXT_LENGTH = 128 * 1024;

export const generateAndExecute: Task<Input, Answer> = {
  type: 'ai_generate_and_execute',
  summary: 'A model writes a program for the task, the sandbox runs it, failures are retried with the error.',
  needs: ['model', 'sandbox'],
  input,
  answer,
  run,
};

async function run(task: Input, context: TaskContext): Promise<TaskResult<Answer>> {
  const contextText = task.context == null ? null : (context.contextText ?? JSON.stringify(task.context, null, 2));
  if ((contextText ?? '').length > MAX_CONTEXT_LENGTH) {
    throw new ServerError(
      'task/bad-input',
      `context: expected at most ${MAX_CONTEXT_LENGTH} characters of JSON; send large data in files`,
    );
  }
  const asked: FileWishes = { workspace: task.workspace, files: readFiles(task.files) };
  const { hosts, warnings } = permittedHosts(task, context);
  await keepRequestFiles(context.ports.workspaces, asked);
  const named = `${task.description}\n${JSON.stringify(task.context ?? {})}`;
  const found = await gatherFiles(context, asked, named);
  const samples = samplesFor(context, { description: task.description, language: task.language, context: contextText }, found);
  const wishes = { ...asked, files: [...asked.files, ...samples] };
  const files = [...found, ...samples];
  const isEmbedded = context.ports.model.provider === 'embedded';
  // What a file says goes to a model only when the model runs in here.
  const shown = files.map(({ path, bytes }) => ({
    path,
    bytes: bytes.length,
    shape: isEmbedded ? shapeOf(path, bytes) : null,
  }));
  const { description, language } = task;
  const given = isEmbedded ? givenLines(contextText, language) : null;
  const facts: PromptFacts = {
    ...{ description, language, context: contextText, files: shown, hosts },
    absent: absentFiles({ description, files: shown }),
    packages: context.ports.sandbox.capabilities.packages,
    // Models that run in here are small, and their replies can be begun for them.
    given,
    example: isEmbedded ? workedExample({ description, language, files: shown, given }) : undefined,
  };

  let standing = NOTHING;
  let retries = 0;
  for (; ; retries += 1) {
    standing = await attempt(task, context, facts, wishes, hosts, named, standing, retries + 1);
    if (standing.failure === null || retries >= task.max_retries || standing.isLast) break;
    context.emit({ type: 'retry', attempt: retries + 1, reason: standing.failure.error.slice(-2000) });
  }
  const brought = samples.map(({ path }) => `no ${path} came with the task; the sample of the recording was used`);
  return resultOf(task, standing, retries, [...brought, ...warnings]);
}

/** What a recorded program reads and the task did not bring. */
function samplesFor({ ports }: TaskContext, task: ModelTask, found: readonly SandboxFile[]): readonly SandboxFile[] {
  const samples = ports.model.samplesFor?.(task) ?? [];
  return samples
    .filter(({ path }) => !found.some((file) => file.path === path))
    .map(({ path, content }) => ({ path, bytes: utf8(content) }));
}

async function attempt(
  task: Input,
  context: TaskContext,
  facts: PromptFacts,
  wishes: FileWishes,
  hosts: readonly string[],
  named: string,
  before: Standing,
  number: number,
): Promise<Standing> {
  const { reply, promptHash } = await ask(context, facts, before.failures, number);
  const program = askedPlainly(
    await programOf(reply, task.language, { previous: before.reviewed?.code ?? before.code }),
    number === 1 && task.max_retries > 0,
  );
  if (program.kind !== 'program') return withoutProgram(task, context, { before, reply, program, number });
  const { code, notes } = program;
  context.emit({ type: 'code', attempt: number, language: task.language, code, source: 'model' });
  const reviewed = task.review ? await reviewedCode(context, { attempt: number, language: task.language, code }) : null;
  const approved = reviewed?.code ?? code;
  const files = await gatherFiles(context, wishes, `${named}\n${approved}`);
  const { result, artifacts } = await runCode(context, {
    attempt: number,
    language: task.language,
    code: approved,
    source: reviewed?.outcome === 'edited' ? 'client' : 'model',
    files,
    hosts,
    limits: task.limits,
    reproducible: task.reproducible,
  });
  await keepArtifacts(context, task, result);
  // With no attempt left, what the program printed is the answer.
  const nothingDone = number <= task.max_retries ? emptySuccess(task.description, approved, result) : null;
  const error = nothingDone ?? (result.status === 'ok' ? null : failureText(result));
  const inference: Inference = {
    model: reply.model,
    promptHash,
    responseHash: sha256(code),
    usage: usageOf(reply),
    timestamp: Math.floor(context.ports.clock.now() / 1000),
    session: reply.attested?.session ?? null,
  };
  const failures = error === null ? before.failures : [...before.failures, { said: '', previousCode: approved, error }];
  const failure = error === null ? null : { error, code: 'task/code-failed' as const };
  const isLast = reply.isLast === true;
  return { failures, code, reviewed, result, artifacts, inference, provenance: reply.provenance, failure, isLast, notes };
}

/**
 * A model that calls a tool that was not offered is told so once, while attempts are left: endpoints cut and rewrite the arguments of calls.
 * Afterwards the program in the call is taken.
 */
function askedPlainly(program: ReplyProgram, again: boolean): ReplyProgram {
  if (!again || program.kind !== 'program' || program.tool === null) return program;
  return {
    kind: 'none',
    reason: `the reply called the tool ${JSON.stringify(program.tool)}, which does not exist; no tools are offered`,
  };
}

interface EmptyReply {
  readonly before: Standing;
  readonly reply: ModelReply;
  readonly program: Exclude<ReplyProgram, { readonly kind: 'program' }>;
  readonly number: number;
}

/** An attempt whose reply holds nothing that may run. */
function withoutProgram(task: Input, { draft }: TaskContext, { before, reply, program, number }: EmptyReply): Standing {
  const error = `${program.reason}; reply with one \`\`\`${task.language} block`;
  const failed: FailedAttempt = { said: spokenPart(reply.text, task.language), previousCode: null, error };
  const code = program.kind === 'incomplete' ? 'model/incomplete' : 'model/no-code';
  const errorHash = draft.payload(`attempt-${number}/error.txt`, 'text/plain', utf8(error));
  draft.append({ type: 'code.missing', attempt: number, code, error_hash: errorHash });
  return {
    ...before,
    failures: [...before.failures, failed],
    provenance: reply.provenance,
    failure: { error, code },
    isLast: reply.isLast === true,
  };
}

/** Asks the model and records the exchange, also when it fails. */
async function ask(
  context: TaskContext,
  facts: PromptFacts,
  failures: readonly FailedAttempt[],
  number: number,
): Promise<{ readonly reply: ModelReply; readonly promptHash: string }> {
  const { emit, ports } = context;
  const messages = conversation(facts, failures);
  const promptHash = sha256(messages.at(-1)?.content ?? '');
  const asked = { place: `attempt-${number}`, attempt: number, promptHash: `sha256:${promptHash}` };
  const { provider, model } = ports.model;
  const beginWriting = (): void =>
    emit({ type: 'writing', attempt: number, model, provider, recorded: provider === 'recorded' });
  beginWriting();
  try {
    const reply = await ports.model.complete({
      messages,
      task: facts,
      block: replyBlock(facts, failures),
      ...(provider === 'embedded' ? { temperature: TEMPERATURES[number - 1] ?? 1 } : {}),
      signal: context.signal,
      onText: (text) => emit({ type: 'text', attempt: number, text }),
      onRestart: beginWriting,
    });
    recordReply(context, asked, reply);
    return { reply, promptHash };
  } catch (error) {
    recordNoReply(context, asked, error);
    throw error;
  }
}

function permittedHosts(
  task: Input,
  context: TaskContext,
): { readonly hosts: readonly string[]; readonly warnings: readonly string[] } {
  const explicit = context.ports.permitHosts(task.network?.allow ?? []);
  const [refusal] = explicit.refused;
  if (refusal !== undefined) {
    throw new SandboxError('sandbox/network-refused', `code may not reach ${refusal.host}: ${refusal.reason}`);
  }
  const implied = context.ports.permitHosts(hostsOfContext(task.context ?? null));
  return {
    hosts: [...new Set([...explicit.allowed, ...implied.allowed])].sort(),
    warnings: implied.refused.map(({ host, reason }) => `the code could not reach ${host}: ${reason}`),
  };
}

async function keepArtifacts(context: TaskContext, task: Input, result: SandboxResult): Promise<void> {
  if (task.workspace === undefined || task.workspace === DEFAULT_WORKSPACE || result.artifacts.length === 0) return;
  await context.ports.workspaces.write(task.workspace, result.artifacts);
}

/** What stands in place of a run when no program came to run. */
const NO_RUN = { success: false, stdout: '', stderr: '', result: null };
const NO_RUN_ANSWER = { execution_result: NO_RUN, execution_details: NO_RUN, output: '', result: null, warnings: [] };

function resultOf(task: Input, standing: Standing, retries: number, warnings: readonly string[]): TaskResult<Answer> {
  const { result, code, reviewed, provenance, inference, artifacts } = standing;
  const run = result === null ? NO_RUN_ANSWER : codeAnswer(result);
  const ending = endingOf(standing, retries);
  const recorded = provenance?.kind === 'recorded';
  return {
    ending,
    answer: {
      language: task.language,
      generated_code: code,
      ...(task.review ? { executed_code: reviewed?.code ?? null, reviewed: reviewed?.outcome ?? null } : {}),
      ...run,
      retries_used: retries,
      model: inference?.model ?? null,
      usage: inference?.usage ?? null,
      model_provenance: provenance,
      warnings: [
        ...(recorded ? ['RECORDED: no AI model ran; this answer comes from a transcript that ships with the agent'] : []),
        ...(ending.status === 'succeeded' ? standing.notes.map((note) => `the program was mended before it ran: ${note}`) : []),
        ...warnings,
        ...run.warnings,
      ],
    },
    artifacts,
    inference,
    generation: { language: task.language, retries },
  };
}

function endingOf({ failure }: Standing, retries: number): WorkEnding {
  const attempts = `${retries + 1} attempt${retries === 0 ? '' : 's'}`;
  if (failure === null) return { status: 'succeeded', message: `Code generated and executed successfully in ${attempts}` };
  return { status: 'failed', message: `Code generation failed after ${attempts}`, ...failure };
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
