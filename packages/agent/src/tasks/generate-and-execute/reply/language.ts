/** Names by which models call the two languages: in fences, attributes, file names and members of tool calls. */

export type GeneratedLanguage = 'python' | 'javascript';

/** What a label says of a block: one of the two languages, nothing certain, or something else. */
export type Label = GeneratedLanguage | 'neutral' | 'other';

const EXACT: Readonly<Record<string, Label>> = {
  py: 'python',
  pyi: 'python',
  ipynb: 'python',
  pycon: 'python',
  ipython: 'python',
  cpython: 'python',
  micropython: 'python',
  pyodide: 'python',
  jupyter: 'python',
  code_interpreter: 'python',
  codeinterpreter: 'python',
  js: 'javascript',
  mjs: 'javascript',
  cjs: 'javascript',
  jsx: 'javascript',
  node: 'javascript',
  nodejs: 'javascript',
  ecmascript: 'javascript',
  ts: 'javascript',
  typescript: 'javascript',
  '': 'neutral',
  code: 'neutral',
  text: 'neutral',
  txt: 'neutral',
  plain: 'neutral',
  plaintext: 'neutral',
  program: 'neutral',
  script: 'neutral',
  source: 'neutral',
  snippet: 'neutral',
  tool_code: 'neutral',
  run: 'neutral',
  execute: 'neutral',
  main: 'neutral',
};

/** Letters, digits and underscores hold a word together; everything else parts words. */
function words(text: string): readonly string[] {
  const found: string[] = [];
  let word = '';
  for (const char of text.slice(0, 200).toLowerCase()) {
    if ((char >= 'a' && char <= 'z') || (char >= '0' && char <= '9') || char === '_') word += char;
    else if (word !== '') {
      found.push(word);
      word = '';
    }
  }
  if (word !== '') found.push(word);
  return found;
}

/**
 * The language that a label names. Versions, attributes, paths and file names count: `python3.12`, `{.python .numberLines}`,
 * `src/main.py`, `language-js`.
 *
 * @example labelOf('main.py') // 'python'
 */
export function labelOf(info: string): Label {
  const all = words(info);
  if (all.length === 0) return 'neutral';
  let known: Label | null = null;
  for (const word of all) {
    const label = EXACT[word] ?? family(word);
    if (label === 'python' || label === 'javascript') return label;
    known ??= label;
  }
  return known ?? 'other';
}

function family(word: string): Label | null {
  if (word.startsWith('python') || word.endsWith('python')) return 'python';
  if (/^(?:i?py|pypy)[0-9]+$/.test(word)) return 'python';
  if (word.startsWith('javascript') || word.endsWith('javascript')) return 'javascript';
  return /^(?:es|node)[0-9]+$/.test(word) ? 'javascript' : null;
}

/** Whether a label is one short language name and nothing else, as at the end of a line before a fence's first line. */
export function isBareLabel(text: string): boolean {
  const label = labelOf(text);
  return text.length <= 24 && !text.trim().includes(' ') && (label === 'python' || label === 'javascript');
}

/** Members and attributes that carry a program in tool calls and JSON, the surest first. */
export const CODE_NAMES: readonly string[] = [
  'code',
  'generated_code',
  'python_code',
  'javascript_code',
  'js_code',
  'source_code',
  'sourcecode',
  'python',
  'javascript',
  'js',
  'py',
  'program',
  'script',
  'source',
  'snippet',
  'cell',
  'code_block',
  'content',
  'file_content',
  'file_text',
  'contents',
  'input',
  'text',
  'command',
  'cmd',
  'query',
  'answer',
  'response',
  'output',
  '__arg1',
];
