/**
 * Recorded answers: a transcript file stands in when no model answers, so that a newcomer sees the whole road from task to
 * receipt. Nobody ran a model: provenance says `recorded`, and every page, answer and receipt shows it in red.
 *
 * A task that the transcript does not know gets its default, a program that says so.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { Model, ModelReply, ModelRequest } from '../../ports/model.ts';

const transcriptSchema = z.object({
  version: z.literal(1),
  answers: z.array(
    z.object({
      /** All of these words must be in the task, in any case. */
      words: z.array(z.string().min(1)).min(1),
      language: z.enum(['python', 'javascript']),
      /** One reply an attempt; the last one again and again. */
      replies: z.array(z.string().min(1)).min(1),
    }),
  ),
  default: z.object({ python: z.string().min(1), javascript: z.string().min(1) }),
});

const SHIPPED = new URL('../../../transcripts/recorded.json', import.meta.url);

/**
 * A {@link Model} that replays a transcript.
 *
 * @param file - path of the transcript, `null` for the shipped one.
 * @throws {ServerError} `config/unreadable` when the file is missing or is not a transcript.
 */
export function createRecorded(file: string | null): Model {
  const path = file ?? fileURLToPath(SHIPPED);
  let bytes: Uint8Array;
  let transcript: z.infer<typeof transcriptSchema>;
  try {
    bytes = readFileSync(path);
    transcript = transcriptSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new ServerError(
      'config/unreadable',
      `${path} is not a transcript of recorded answers; mend or unset ASSAY_RECORDED_FILE`,
      { cause },
    );
  }
  const provenance = {
    kind: 'recorded',
    file: basename(path),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  } as const;

  const complete = (request: ModelRequest): Promise<ModelReply> => {
    const task = (request.messages.find(({ role }) => role === 'user')?.content ?? '').toLowerCase();
    const language = /language: javascript/.test(task) ? 'javascript' : 'python';
    const known = transcript.answers.find(
      (answer) => answer.language === language && answer.words.every((word) => task.includes(word.toLowerCase())),
    );
    const earlier = request.messages.filter(({ role }) => role === 'assistant').length;
    const replies = known?.replies ?? [transcript.default[language]];
    const text = replies[Math.min(earlier, replies.length - 1)] ?? transcript.default[language];
    request.onText?.(text);
    return Promise.resolve({
      text,
      reasoning: '',
      toolCalls: [],
      model: 'recorded',
      finish: 'stop',
      finishReason: 'stop',
      usage: { promptTokens: null, completionTokens: null, totalTokens: null },
      requestBytes: new TextEncoder().encode(JSON.stringify({ messages: request.messages })),
      responseBytes: new TextEncoder().encode(text),
      provenance,
    });
  };

  return {
    provider: 'recorded',
    model: 'recorded',
    complete,
    probe: () => Promise.resolve({ reachable: true, detail: `recorded answers of ${basename(path)}: no model runs` }),
  };
}
