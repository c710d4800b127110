/**
 * Finds the program in a model's reply. Small models wrap code in every way there is: a fence with or without a language, an
 * unclosed fence, several blocks, thoughts first, JSON with a `code` member, or no fence at all. What is returned is always a
 * part of the reply, apart from line ends and the fence's own indentation, so that a reader finds it in the kept response.
 */

import type { GeneratedLanguage } from './prompt.ts';

export type Extraction =
  | { readonly found: true; readonly code: string }
  /** `reason` is for the model's next attempt and for people. */
  | { readonly found: false; readonly reason: string };

interface Block {
  readonly tag: string;
  readonly code: string;
}

/** Longest program taken, characters. */
const MAX_CODE_LENGTH = 256 * 1024;
const TAGS: Readonly<Record<GeneratedLanguage, ReadonlySet<string>>> = {
  python: new Set(['python', 'py', 'python3', 'py3', 'ipython', 'pycon']),
  javascript: new Set(['javascript', 'js', 'node', 'nodejs', 'mjs', 'cjs', 'jsx', 'es6', 'ecmascript']),
};
const NEUTRAL = new Set(['', 'code', 'text', 'plaintext', 'program', 'script', 'tool_code']);

/**
 * The program for `language` in `reply`.
 *
 * @example extractCode('Sure!\n```python\nprint(1)\n```', 'python') // { found: true, code: 'print(1)' }
 */
export function extractCode(reply: string, language: GeneratedLanguage): Extraction {
  const text = withoutThoughts(reply).replaceAll('\r\n', '\n');
  if (text.trim() === '') return { found: false, reason: 'the reply was empty' };
  const blocks = fencedBlocks(text);
  const own = blocks.filter(({ tag }) => TAGS[language].has(tag));
  const neutral = blocks.filter(({ tag }) => NEUTRAL.has(tag));
  const chosen = longest(own) ?? longest(neutral.filter(({ code }) => looksLike(code, language)));
  if (chosen !== null) return checked(chosen.code);
  const wrapped = jsonMember(blocks.find(({ tag }) => tag === 'json')?.code ?? text);
  if (wrapped !== null) return fencedBlocks(wrapped).length > 0 ? extractCode(wrapped, language) : checked(wrapped);
  if (blocks.length > 0 && neutral.length === 0) {
    return { found: false, reason: `the reply holds ${blocks.map(({ tag }) => tag).join(', ')} but no ${language} program` };
  }
  const bare = neutral.length > 0 ? (longest(neutral)?.code ?? '') : text;
  if (looksLike(bare, language)) return checked(bare);
  return { found: false, reason: 'the reply was prose without a code block' };
}

function checked(code: string): Extraction {
  const trimmed = code.replace(/^(?:[ \t]*\n)+/, '').trimEnd();
  if (trimmed === '') return { found: false, reason: 'the code block was empty' };
  if (trimmed.length > MAX_CODE_LENGTH)
    return { found: false, reason: `the program is longer than ${MAX_CODE_LENGTH} characters` };
  return { found: true, code: trimmed };
}

/** Models that think aloud do it in tags; an unclosed one means that no answer followed. */
function withoutThoughts(reply: string): string {
  return reply
    .replace(/<(think|thinking|reasoning)>[\s\S]*?<\/\1>/gi, '')
    .replace(/^[\s\S]*?<\/(think|thinking|reasoning)>/i, '')
    .replace(/<(think|thinking|reasoning)>[\s\S]*$/i, '');
}

/** Fenced blocks by CommonMark's rule: a fence closes with at least as many of the same character; an unclosed one ends with the text. */
function fencedBlocks(text: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { readonly mark: string; readonly tag: string; readonly indent: number; readonly lines: string[] } | null = null;
  for (const line of text.split('\n')) {
    if (open === null) {
      const start = /^([ \t]*)(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^`]*$/.exec(line);
      if (start !== null)
        open = { mark: start[2] ?? '', tag: (start[3] ?? '').toLowerCase(), indent: (start[1] ?? '').length, lines: [] };
      continue;
    }
    const end = /^[ \t]*(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1];
    if (end !== undefined && end[0] === open.mark[0] && end.length >= open.mark.length) {
      blocks.push({ tag: open.tag, code: open.lines.join('\n') });
      open = null;
    } else {
      open.lines.push(dedent(line, open.indent));
    }
  }
  if (open !== null) blocks.push({ tag: open.tag, code: open.lines.join('\n') });
  return blocks;
}

function dedent(line: string, most: number): string {
  const leading = /^[ \t]*/.exec(line)?.[0].length ?? 0;
  return line.slice(Math.min(leading, most));
}

function longest(blocks: readonly Block[]): Block | null {
  return blocks.reduce<Block | null>(
    (best, block) => (best === null || block.code.length > best.code.length ? block : best),
    null,
  );
}

/** `{"code": "…"}`, as models answer that were tuned for tools. */
function jsonMember(text: string): string | null {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{')) return null;
  try {
    const value = JSON.parse(trimmed) as Readonly<Record<string, unknown>>;
    const code = value.code ?? value.generated_code ?? value.program;
    return typeof code === 'string' ? code : null;
  } catch {
    return null;
  }
}

const SIGNS: Readonly<Record<GeneratedLanguage, RegExp>> = {
  python:
    /^\s*(?:import\s+\w[\w.]*(?:\s+as\s+\w+)?\s*$|from\s+[\w.]+\s+import\b|def\s+\w+\s*\(|class\s+\w+.*:\s*$|(?:if|for|while|with|try)\b.*:\s*$|print\s*\(|[A-Za-z_]\w*\s*(?:\[[^\]]*\])?\s*[+*/-]?=\s*\S)/m,
  javascript:
    /^\s*(?:(?:const|let|var)\s+[\w{[]|(?:async\s+)?function\b|class\s+\w+|import\s.*from\s|console\.\w+\s*\(|(?:if|for|while)\s*\(|await\s+\S|[A-Za-z_$][\w$.]*\s*=\s*\S|[A-Za-z_$][\w$.]*\(.*\);?\s*$)/m,
};

/** Whether bare text reads like a program: signs of the language, and no sentences on most lines. */
function looksLike(text: string, language: GeneratedLanguage): boolean {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const comment = language === 'python' ? /^\s*#/ : /^\s*(?:\/\/|\/\*|\*)/;
  const prose = lines.filter(
    (line) => !comment.test(line) && /^[A-Z][\w']*(?:,?\s+[\w'`"-]+){3,}[.:!?]?\s*$/.test(line.trim()),
  ).length;
  return SIGNS[language].test(text) && prose * 4 <= lines.length;
}
