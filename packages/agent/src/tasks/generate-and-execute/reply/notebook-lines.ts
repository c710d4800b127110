/**
 * Lines that only a notebook or a shell understands: `%matplotlib inline`, `!pip install x`, `pip install x`. In a program they are
 * turned into comments, so that every other line keeps its number. Cell magics at the top (`%%time`) go the same way.
 */

import type { GeneratedLanguage } from './language.ts';

const INSTALLERS = ['pip install ', 'pip3 install ', 'python -m pip ', 'python3 -m pip ', 'conda install ', 'apt-get ', 'apt '];
const NODE_INSTALLERS = ['npm install', 'npm i ', 'yarn add ', 'pnpm add ', 'npx ', 'bun add '];

/** `code` with such lines as comments, or `null` when there are none. */
export function withoutNotebookLines(code: string, language: GeneratedLanguage): string | null {
  const comment = language === 'python' ? '# ' : '// ';
  let found = false;
  const lines = code.split('\n').map((line) => {
    const text = line.trimStart();
    if (!isNotebookLine(text, language)) return line;
    found = true;
    const indent = line.slice(0, line.length - text.length);
    // A block must not become empty: `if x:` in front of the line still needs a statement.
    return language === 'python' && indent !== '' ? `${indent}pass  ${comment}${text}` : `${indent}${comment}${text}`;
  });
  return found ? lines.join('\n') : null;
}

function isNotebookLine(text: string, language: GeneratedLanguage): boolean {
  const shell = text.startsWith('$ ') ? text.slice(2) : text.startsWith('!') ? text.slice(1).trimStart() : text;
  const installers = language === 'python' ? INSTALLERS : NODE_INSTALLERS;
  if (installers.some((installer) => shell.startsWith(installer)) && !shell.includes('=(')) return true;
  if (language === 'javascript') return text.startsWith('%%') || /^[!$] ?(?:npm|node|yarn|ls|cd) /.test(text);
  return /^%{1,2}[a-z]/.test(text) || /^![a-z./]/.test(text);
}
