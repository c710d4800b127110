/**
 * The lexer of a reply. Finds marks (tags such as `<think>`, `[TOOL_CALLS]`, `<|im_end|>`, `◁think▷`) and says what kind each one
 * is; which of them count is for the grammar in `document.ts`, because a program may hold any of them as text.
 *
 * The forms come from the chat templates of the model families: DeepSeek, Qwen, Llama, Mistral, Gemma, Phi, GLM, Kimi, gpt-oss
 * (harmony), Granite, Command, EXAONE, Seed, Nemotron, and from agent frameworks. One pass, no regular expression on the text.
 */

export type MarkKind = 'thought' | 'end-of-turn' | 'channel' | 'message' | 'call' | 'code' | 'wrapper' | 'argument' | 'unknown';

export interface Mark {
  readonly kind: MarkKind;
  /** Base name in lower case: `thought` for `<|end_of_thought|>`. */
  readonly name: string;
  readonly close: boolean;
  /** What follows the name inside the mark: attributes, or the value of `<function=python>`. */
  readonly attributes: string;
  /** Whether `|` or its like stands at both ends, as in tokens that no program's markup has. */
  readonly special: boolean;
  readonly start: number;
  readonly end: number;
}

const MAX_MARK = 240;

const NAMES: Readonly<Record<Exclude<MarkKind, 'unknown'>, readonly string[]>> = {
  thought: [
    ...['think', 'thinking', 'thought', 'thoughts', 'reasoning', 'reason', 'reflection', 'reflect', 'scratchpad', 'analysis'],
    ...['inner_monologue', 'monologue', 'inner_thoughts', 'deliberation', 'brainstorm', 'chain_of_thought', 'cot', 'rationale'],
    ...['planning', 'plan', 'seed:think', 'longcat_think', 'antthinking', 'think_fast', 'think_faster', 'internal', 'unused94'],
  ],
  'end-of-turn': [
    ...[
      'im_end',
      'im_start',
      'eot_id',
      'eom_id',
      'eot',
      'endoftext',
      'end_of_text',
      'end_of_turn',
      'start_of_turn',
      's',
      'eos',
    ],
    ...['end_of_sentence', 'end', 'return', 'start_header_id', 'end_header_id', 'end_of_turn_token', 'user', 'assistant'],
    ...['observation', 'system', 'endofturn', 'end_turn', 'turn', 'inst', 'end_of_role', 'start_of_role', 'im_sep', 'end_code'],
    ...['endofprompt', 'eod', 'end_of_document', 'file_separator', 'im_user', 'im_assistant', 'im_system', 'stop', 'pad'],
    ...['begin_of_sentence', 'begin_of_text', 'bos', 'start', 'chatbot_token', 'user_token', 'eop', 'endofmessage', 'done'],
  ],
  channel: ['channel'],
  message: ['message'],
  call: [
    ...['tool_call', 'tool_calls', 'toolcall', 'tool_use', 'tool_calls_section', 'function', 'function_call', 'function_calls'],
    ...['invoke', 'minimax:tool_call', 'python_tag', 'action', 'tool', 'antml:invoke', 'antml:function_calls', 'call'],
    ...['boltaction', 'tool_call_argument'],
  ],
  code: [
    ...['code', 'python', 'py', 'python_code', 'javascript', 'js', 'node', 'ipython', 'execute', 'execute_ipython', 'program'],
    ...['execute_python', 'run', 'run_python', 'run_code', 'script', 'source', 'source_code', 'execute_code', 'code_block'],
    ...['python_interpreter', 'code_interpreter', 'snippet', 'codeblock', 'code_execution', 'codeact', 'generated_code'],
  ],
  wrapper: [
    ...['answer', 'solution', 'response', 'output', 'final', 'final_answer', 'result', 'artifact', 'antartifact', 'file'],
    ...['content', 'pre', 'box', 'final_response', 'create_file', 'contents', 'implementation', 'boltartifact', 'file_content'],
  ],
  argument: ['parameter', 'arg_value', 'argument', 'antml:parameter', 'param', 'arg'],
};

const KIND: ReadonlyMap<string, MarkKind> = new Map(
  Object.entries(NAMES).flatMap(([kind, names]) => names.map((name) => [name, kind as MarkKind])),
);
const OPENERS: ReadonlyMap<string, string> = new Map([
  ['<', '>'],
  ['[', ']'],
  ['◁', '▷'],
]);

/** Every mark of `text`, in order. */
export function marksOf(text: string): readonly Mark[] {
  const marks: Mark[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const closing = OPENERS.get(text[at] as string);
    if (closing === undefined) continue;
    const mark = readMark(text, at, closing);
    if (mark === null) continue;
    marks.push(mark);
    at = mark.end - 1;
  }
  return marks;
}

function readMark(text: string, start: number, closing: string): Mark | null {
  let end = start + 1;
  const limit = Math.min(text.length, start + MAX_MARK);
  while (end < limit && text[end] !== closing) {
    const char = text[end] as string;
    if (char === '\n' || char === text[start]) return null;
    end += 1;
  }
  if (text[end] !== closing) return null;
  const inner = text.slice(start + 1, end);
  return markOf(inner, { start, end: end + 1, bracket: closing });
}

function markOf(inner: string, place: { readonly start: number; readonly end: number; readonly bracket: string }): Mark | null {
  const piped = isPipe(inner[0]) || isPipe(inner.at(-1));
  let body = inner;
  while (isPipe(body[0])) body = body.slice(1);
  while (isPipe(body.at(-1))) body = body.slice(0, -1);
  const slashed = body.startsWith('/') || inner.startsWith('/');
  if (body.startsWith('/')) body = body.slice(1);
  if (body.startsWith('｜')) body = body.slice(1);
  const { name: raw, attributes } = nameAndRest(body);
  if (raw === '') return null;
  if (place.bracket === ']' && !piped && raw !== raw.toUpperCase()) return null;
  const full = raw.toLowerCase().replaceAll('▁', '_').replaceAll('-', '_');
  // DeepSeek's `<｜DSML｜invoke …>`: the family's name in front of the mark's own.
  if (full === 'dsml' && attributes !== '') return markOf(`${slashed ? '/' : ''}${attributes}`, place);
  const { start, end } = place;
  const known = full === 'end' || full === 'start' ? 'end-of-turn' : KIND.get(full);
  if (known !== undefined) {
    const asymmetric = piped && !isPipe(inner[0]) && known !== 'end-of-turn'; // `<channel|>` closes `<|channel>`
    return { kind: known, name: full, close: slashed || asymmetric, attributes, special: piped, start, end };
  }
  const { base, close } = unwrapped(full);
  const kind = full === 'unused95' ? 'thought' : (KIND.get(base) ?? 'unknown');
  if (kind === 'unknown' && !piped) {
    return { kind, name: full, close: slashed, attributes, special: false, start, end };
  }
  return { kind, name: base, close: slashed || close || full === 'unused95', attributes, special: piped, start, end };
}

function isPipe(char: string | undefined): boolean {
  return char === '|' || char === '｜';
}

/** The name runs to the first blank, `=` or bracket; spaces hold a name together only in capitals (`[END OF THOUGHT]`). */
function nameAndRest(body: string): { readonly name: string; readonly attributes: string } {
  const capitals = body.length <= 40 && body === body.toUpperCase() && !body.includes('=') && !body.includes('"');
  let at = 0;
  while (at < body.length && isNameChar(body[at] as string, capitals)) at += 1;
  if (at < body.length && !' \t=/｜|'.includes(body[at] as string)) return { name: '', attributes: '' };
  const name = body.slice(0, at).trim().replaceAll(' ', '_');
  return { name, attributes: body.slice(at).replace(/^[=\s｜|]+/, '') };
}

function isNameChar(char: string, capitals: boolean): boolean {
  return /[A-Za-z0-9_:.▁-]/.test(char) || (capitals && char === ' ');
}

const BEGINNINGS = ['begin_of_', 'start_of_', 'begin_', 'start_', 'b_'];
const ENDINGS = ['end_of_', 'end_'];

/** `end_of_thought` → `thought`, closing; `tool_call_begin` → `tool_call`, opening. */
function unwrapped(name: string): { readonly base: string; readonly close: boolean } {
  for (const prefix of ENDINGS) if (name.startsWith(prefix)) return { base: name.slice(prefix.length), close: true };
  for (const prefix of BEGINNINGS) if (name.startsWith(prefix)) return { base: name.slice(prefix.length), close: false };
  if (name.endsWith('_end')) return { base: name.slice(0, -4), close: true };
  if (name.endsWith('_begin') || name.endsWith('_start')) return { base: name.slice(0, name.lastIndexOf('_')), close: false };
  return { base: name, close: false };
}
