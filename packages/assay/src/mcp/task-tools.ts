/**
 * `run_task` and `fetch_artifact`: a task of a verified agent for an assistant. The result is short, says what was cut and how to get it, and is
 * an error when the code failed or could not be written.
 */

import { encodeBase64 } from '@assay/encoding/base64';
import { z } from 'zod';
import { CliError } from '../command-line/errors.ts';
import { styleOf } from '../command-line/output.ts';
import { describeStep } from '../command-line/task-steps.ts';
import type { Agent, RunResult, Verdict } from '../index.ts';
import { type EvidenceSource, evidenceBytes } from './evidence-source.ts';
import { type ToolCall, withHeartbeat } from './progress.ts';
import { cutText, shortVerdict } from './short-text.ts';

const MOST_OUTPUT = 8000;
const MOST_CODE = 8000;
const MOST_ERROR = 3000;
const MOST_LISTED = 50;
/** Of one call of `fetch_artifact`. Bytes. */
const MOST_ARTIFACT = 64 * 1024;
/** Names by which the whole output of a task is fetched, beside its files. */
const STREAMS = ['stdout', 'stderr', 'code'] as const;

const inputFile = z.union([
  z.string().describe('text of the file'),
  z.object({ base64: z.string().describe('its bytes as padded base64') }).strict(),
  z.object({ path: z.string().describe('a file of this server, when it may read files') }).strict(),
]);

export const RUN_TASK_INPUT = {
  description: z.string().min(1).max(32_768).describe('what the code should do, in plain words'),
  language: z.enum(['python', 'javascript']).default('python'),
  context: z.record(z.string(), z.unknown()).optional().describe('facts for the program, as JSON'),
  files: z
    .record(z.string().min(1).max(4096), inputFile)
    .optional()
    .describe('files the program finds as /tmp/<name>: text, {"base64": …}, or {"path": …}'),
  max_retries: z.number().int().min(0).max(10).optional().describe('attempts after the first; 2 by default'),
  network: z
    .object({ allow: z.array(z.string().min(1).max(300)).max(16) })
    .optional()
    .describe('hosts the program may reach, as host:port; none by default'),
};

export const FETCH_ARTIFACT_INPUT = {
  task_id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/),
  path: z.string().min(1).max(4096).describe('a path that run_task listed, or stdout, stderr, code'),
  offset: z.number().int().min(0).default(0).describe('first byte'),
  length: z.number().int().min(1).max(MOST_ARTIFACT).default(MOST_ARTIFACT).describe('bytes, 65536 at most'),
};

type RunTaskInput = z.infer<z.ZodObject<typeof RUN_TASK_INPUT>>;
type FetchArtifactInput = z.infer<z.ZodObject<typeof FETCH_ARTIFACT_INPUT>>;

/** What a tool answers, before it becomes text. */
export interface ToolAnswer {
  readonly members: Readonly<Record<string, unknown>>;
  readonly verdict: Verdict;
  readonly failed: boolean;
}

/** Runs a task to its end, with a word of progress at every step. */
export async function runTask(agent: Agent, input: RunTaskInput, call: ToolCall, source: EvidenceSource): Promise<ToolAnswer> {
  const { description, language, context, max_retries: maxRetries, network } = input;
  const files = await filesOf(input.files ?? {}, source);
  const task = { type: 'ai_generate_and_execute', description, ...(network === undefined ? {} : { network }) };
  const style = styleOf({ env: {}, interactive: false });
  let doing = 'starting';
  return withHeartbeat(
    call,
    () => doing,
    async () => {
      const run = agent.run(task, { language, context, maxRetries, files, signal: call.signal });
      for await (const step of run) {
        const line = describeStep(step, style)?.replace(/\s+/g, ' ').trim() ?? null;
        if (line === null) continue;
        doing = cutText(line, 200).text;
        call.progress(doing);
      }
      return taskAnswer(run.id, await run);
    },
  );
}

async function filesOf(
  given: NonNullable<RunTaskInput['files']>,
  source: EvidenceSource,
): Promise<Readonly<Record<string, Uint8Array | string>>> {
  const files: Record<string, Uint8Array | string> = Object.create(null);
  for (const [name, content] of Object.entries(given)) {
    if (typeof content === 'string') files[name] = content;
    else if ('base64' in content) files[name] = await evidenceBytes(content.base64, 'base64', source);
    else files[name] = await evidenceBytes(content.path, 'file', source);
  }
  return files;
}

function taskAnswer(id: string, result: RunResult): ToolAnswer {
  const { stdout, stderr, value, code, receipt, verdict } = result;
  const error = result.outcome === 'succeeded' ? null : result.error;
  const cut = {
    code: cutText(code ?? '', MOST_CODE),
    stdout: cutText(stdout, MOST_OUTPUT),
    stderr: cutText(stderr, MOST_ERROR),
  };
  const shortened = Object.entries(cut).filter(([, { left }]) => left > 0);
  const paths = Object.keys(result.files);
  const warnings = result.warnings.slice(0, 8);
  const members = {
    success: error === null,
    error: error === null ? null : cutText(error.message, MOST_ERROR).text,
    ...(error === null ? {} : { error_code: error.code }),
    ...(code === null ? {} : { generated_code: cut.code.text }),
    execution_result: {
      stdout: cut.stdout.text,
      stderr: cut.stderr.text,
      result: value === null ? null : cutText(value, MOST_ERROR).text,
    },
    ...(shortened.length === 0 ? {} : { shortened: noteOf(id, shortened) }),
    artifacts: paths.slice(0, MOST_LISTED).map((path) => ({ path, bytes: result.files[path]?.length ?? 0 })),
    ...(paths.length === 0
      ? {}
      : { artifacts_note: `${paths.length} in all; fetch_artifact with task_id ${id} and a path gives one` }),
    ...(warnings.length === 0 ? {} : { warnings }),
    task_id: id,
    receipt_id: receipt.receipt_id,
    verdict: shortVerdict(verdict),
    verdict_note: 'fetch_receipt gives every check, and what it does not prove',
  };
  return { members, verdict, failed: error !== null };
}

function noteOf(id: string, shortened: readonly (readonly [string, { readonly left: number }])[]): string {
  const parts = shortened.map(([name, { left }]) => `${name} (${left} characters left out)`);
  return `${parts.join(', ')}; fetch_artifact with task_id ${id} and path ${shortened.map(([name]) => name).join(' or ')} gives the rest`;
}

/**
 * A part of a file that a task left, checked against its receipt.
 * @throws {CliError} `cli/bad-option`, and what `agent.attach` throws.
 */
export async function fetchArtifact(agent: Agent, input: FetchArtifactInput, call: ToolCall): Promise<ToolAnswer> {
  const { task_id: id, path, offset, length } = input;
  const result = await withHeartbeat(
    call,
    () => 'fetching and checking',
    async () => agent.attach(id, { signal: call.signal }),
  );
  const bytes = bytesAt(result, path);
  if (bytes === null) {
    const there = [...Object.keys(result.files).slice(0, MOST_LISTED), ...STREAMS].join(', ');
    throw new CliError(
      'cli/bad-option',
      `path: task ${id} left no ${JSON.stringify(path.slice(0, 200))}; it has ${cutText(there, 2000).text}`,
    );
  }
  const part = bytes.subarray(offset, offset + length);
  const members = {
    ...{ task_id: id, path, bytes: bytes.length, offset, returned: part.length },
    ...(offset + part.length < bytes.length ? { next_offset: offset + part.length } : {}),
    ...contentOf(part),
    receipt_id: result.receipt.receipt_id,
    verdict: shortVerdict(result.verdict),
  };
  return { members, verdict: result.verdict, failed: false };
}

function bytesAt({ files, stdout, stderr, code }: RunResult, path: string): Uint8Array | null {
  const name = path.replace(/^\/tmp\//, '');
  if (Object.hasOwn(files, name)) return files[name] ?? null;
  const streams: Readonly<Record<string, string | null>> = { stdout, stderr, code };
  const text = Object.hasOwn(streams, path) ? streams[path] : null;
  return text === null || text === undefined ? null : new TextEncoder().encode(text);
}

/** Text where it is text; a part may begin and end within a character. */
function contentOf(part: Uint8Array): { readonly text: string } | { readonly base64: string } {
  const text = new TextDecoder().decode(part);
  const broken = text.slice(3, -3).includes('\uFFFD') || text.includes('\0');
  return broken ? { base64: encodeBase64(part) } : { text };
}
