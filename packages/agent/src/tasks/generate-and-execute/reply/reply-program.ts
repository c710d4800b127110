/**
 * The program of a whole reply: its text or its tool calls, and only when the reply is whole. A reply that was cut anywhere is never
 * run, whatever it holds so far: half a program that happens to parse does half the work and looks like success.
 */

import type { ModelReply } from '../../../ports/model.ts';
import { type Extraction, type ExtractionOptions, extractCode } from '../extract-code.ts';
import { extractAside } from './extract-aside.ts';
import type { GeneratedLanguage } from './language.ts';
import { withImports } from './standard-imports.ts';

export type ReplyProgram =
  | {
      readonly kind: 'program';
      readonly code: string;
      readonly notes: readonly string[];
      /** The tool that the model called with it, although none was offered; `null` when the text holds the program. */
      readonly tool: string | null;
    }
  /** The reply is whole and holds no program. */
  | { readonly kind: 'none'; readonly reason: string }
  /** The reply is not whole. */
  | { readonly kind: 'incomplete'; readonly reason: string };

/** Replies up to this length are read at once; longer ones in a worker. Characters. */
const AT_ONCE = 32 * 1024;
const MAX_CALLS = 16;

/**
 * The program for `language` in a reply.
 *
 * @example await programOf(reply, 'python') // { kind: 'program', code: 'print(1)', notes: [], tool: null }
 */
export async function programOf(
  reply: ModelReply,
  language: GeneratedLanguage,
  options: ExtractionOptions = {},
): Promise<ReplyProgram> {
  const missing = whatIsMissing(reply);
  if (missing !== null) return { kind: 'incomplete', reason: missing };
  const inText = reply.text.trim() === '' ? null : await extract(reply.text, language, options);
  const inCalls = await inToolCalls(reply, language, options);
  const found = [inCalls, inText]
    .sort((a) => (a === inCalls && reply.finish === 'tool-calls' ? -1 : 1))
    .find((one) => one?.found);
  if (found?.found !== true) return { kind: 'none', reason: reasonOf(reply, inText) };
  if (!found.closed && reply.finishReason === null) {
    return {
      kind: 'incomplete',
      reason: 'the reply broke off inside its program, and the endpoint did not say that it was finished',
    };
  }
  const tool = found === inCalls ? (reply.toolCalls[0]?.name.slice(0, 80) ?? '') : null;
  const complete = found.code.length <= AT_ONCE ? withImports(found.code, language) : null;
  if (complete === null) return { kind: 'program', code: found.code, notes: found.notes, tool };
  return {
    kind: 'program',
    code: complete.code,
    notes: [...found.notes, `it got the line ${complete.lines.join('; ')}`],
    tool,
  };
}

/** Why the reply is not whole; `null` when it is. */
function whatIsMissing({ finish, finishReason, text, toolCalls }: ModelReply): string | null {
  switch (finish) {
    case 'stop':
    case 'tool-calls':
      return null;
    case 'length':
      if (finishReason === 'repetition')
        return 'the reply repeated itself without end, so its program is not whole; write a shorter program in another way';
      return text.trim() === '' && toolCalls.length === 0
        ? 'the model thought until the token limit and gave no answer; think less, or raise AI_MAX_TOKENS'
        : 'the reply was cut off at the token limit, so its program is not whole; write a shorter program, or raise AI_MAX_TOKENS';
    case 'filtered':
      return 'the provider filtered the reply; reword the task or take another model';
    case 'refused':
      return `the model refused: ${text.trim().slice(0, 200) || 'it gave no words'}; reword the task or take another model`;
    case 'error':
    case 'unknown':
      return `the reply ended with ${JSON.stringify(finishReason)}, which does not say that it is whole; ask again, or take another model`;
  }
}

async function inToolCalls(
  { toolCalls }: ModelReply,
  language: GeneratedLanguage,
  options: ExtractionOptions,
): Promise<Extraction | null> {
  for (const call of toolCalls.slice(0, MAX_CALLS)) {
    const extraction = await extract(call.arguments, language, options);
    if (extraction.found) return extraction;
  }
  return null;
}

function reasonOf({ toolCalls, reasoning }: ModelReply, inText: Extraction | null): string {
  const [call] = toolCalls;
  if (call !== undefined) {
    const name = JSON.stringify(call.name.slice(0, 80));
    return `the reply called the tool ${name}, which does not exist, and its arguments hold no program; no tools are offered`;
  }
  if (inText !== null && !inText.found) return inText.reason;
  return reasoning === '' ? 'the reply was empty' : 'the reply was empty behind its thoughts';
}

async function extract(text: string, language: GeneratedLanguage, options: ExtractionOptions): Promise<Extraction> {
  return text.length <= AT_ONCE ? extractCode(text, language, options) : extractAside(text, language, options);
}
