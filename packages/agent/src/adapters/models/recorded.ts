/**
 * Recorded answers: a transcript file stands in when no model is connected, so that a newcomer sees the whole road from task to
 * receipt. No model ran: provenance says `recorded`, and every page, answer and receipt shows it in red.
 *
 * A transcript answers its own demos, word for word, and refuses everything else: a program that somebody wrote for another task
 * is no answer.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalJson } from '@assay/encoding/json';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { Model, ModelReply, ModelRequest, ModelTask, RecordedDemo } from '../../ports/model.ts';

const transcriptSchema = z.strictObject({
  version: z.literal(2),
  demos: z.array(
    z.strictObject({
      /** The wordings that this demo answers. Case, white space and a full stop at the end do not matter. */
      tasks: z.array(z.string().trim().min(1)).min(1),
      /** `chat`: a question that wants words, not a program. */
      language: z.enum(['python', 'javascript', 'chat']),
      /** The request's context, which must be the same. */
      context: z.record(z.string(), z.json()).optional(),
      /** Files that the program reads, as samples: a person may bring others of the same names. */
      files: z.array(z.strictObject({ path: z.string().trim().min(1), content: z.string() })).optional(),
      /** One reply an attempt. */
      replies: z.array(z.string().min(1)).min(1),
    }),
  ),
});

type Transcript = z.infer<typeof transcriptSchema>;
type Demo = Transcript['demos'][number];

const SHIPPED = new URL('../../../transcripts/recorded.json', import.meta.url);
/** More would not fit an error text; the file has them all. */
const MAX_LISTED = 12;

/** How a person gets a model, for messages. */
export const HOW_TO_CONNECT =
  'fetch one with "assay model fetch", start Ollama, or set AI_PROVIDER, OPENAI_BASE_URL or a provider\'s key';

/**
 * A {@link Model} that replays a transcript. `complete` rejects with `model/not-connected` for what it has no recording of;
 * `details.recordedDemos` lists what it has.
 *
 * @param file - path of the transcript, `null` for the shipped one.
 * @throws {ServerError} `config/unreadable` when the file is missing or is not a transcript.
 */
export function createRecorded(file: string | null): Model {
  const path = file ?? fileURLToPath(SHIPPED);
  const { transcript, sha256 } = readTranscript(path);
  const provenance = { kind: 'recorded', file: basename(path), sha256 } as const;

  const complete = async (request: ModelRequest): Promise<ModelReply> => {
    const asked = askedIn(request);
    const demo = transcript.demos.find((each) => isAskedFor(each, asked));
    if (demo === undefined) throw notConnected(transcript, asked.language);
    const earlier = request.messages.filter(({ role }) => role === 'assistant').length;
    const text = demo.replies[Math.min(earlier, demo.replies.length - 1)] ?? '';
    request.onText?.(text);
    return {
      text,
      reasoning: '',
      toolCalls: [],
      model: 'recorded',
      finish: 'stop',
      finishReason: 'stop',
      usage: { promptTokens: null, completionTokens: null, totalTokens: null },
      requestBytes: new TextEncoder().encode(JSON.stringify({ messages: request.messages })),
      responseBytes: new TextEncoder().encode(text),
      isLast: earlier >= demo.replies.length - 1,
      provenance,
    };
  };

  return {
    provider: 'recorded',
    model: 'recorded',
    complete,
    demos: transcript.demos.map(demoOf),
    samplesFor: (task) => transcript.demos.find((each) => isAskedFor(each, askedOf(task)))?.files ?? [],
    probe: () =>
      Promise.resolve({
        reachable: true,
        detail: `no model runs, only the demos of ${basename(path)} are answered; ${HOW_TO_CONNECT}`,
      }),
  };
}

function readTranscript(path: string): { readonly transcript: Transcript; readonly sha256: string } {
  try {
    const bytes = readFileSync(path);
    const transcript = transcriptSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    return { transcript, sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (cause) {
    const message = `${path} is not a transcript of recorded answers, version 2; mend or unset ASSAY_RECORDED_FILE`;
    throw new ServerError('config/unreadable', message, { cause });
  }
}

function demoOf({ tasks, language, context, files }: Demo): RecordedDemo {
  return { description: tasks[0] ?? '', language, context: context ?? null, files: files ?? [] };
}

interface Asked {
  readonly task: string;
  readonly language: Demo['language'];
  readonly context: string | null;
}

/** What a request asks for: the task that its prompt was made from, or the last words of a chat. */
function askedIn({ task, messages }: ModelRequest): Asked {
  if (task !== undefined) return askedOf(task);
  const last = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  return { task: normal(last), language: 'chat', context: null };
}

function askedOf(task: ModelTask): Asked {
  return { ...task, task: normal(task.description) };
}

function isAskedFor({ tasks, language, context }: Demo, asked: Asked): boolean {
  if (language !== asked.language || !tasks.some((task) => normal(task) === asked.task)) return false;
  return context === undefined ? asked.context === null : sameJson(asked.context, context);
}

function sameJson(text: string | null, value: unknown): boolean {
  try {
    return text !== null && canonicalJson(JSON.parse(text)) === canonicalJson(value);
  } catch {
    return false; // numbers that JCS does not have
  }
}

function normal(task: string): string {
  return task
    .normalize('NFC')
    .toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replace(/[.!?]$/, '');
}

function notConnected({ demos }: Transcript, language: Demo['language']): ServerError {
  const isChat = language === 'chat';
  const recordedDemos = demos
    .filter((demo) => (demo.language === 'chat') === isChat)
    .map(demoOf)
    .map(({ files, ...demo }) => ({ ...demo, files: files.map(({ path }) => path) }));
  const listed = recordedDemos.slice(0, MAX_LISTED).map(({ description, language, context }) => {
    const asked = JSON.stringify(description);
    if (isChat) return asked;
    return context === null ? `${asked} (${language})` : `${asked} (${language}, with the context ${JSON.stringify(context)})`;
  });
  return new ServerError(
    'model/not-connected',
    `no AI model is connected, and this task was not recorded; ${HOW_TO_CONNECT}. Recorded demos: ${listed.join(', ')}`,
    { details: { recordedDemos } },
  );
}
