/** What to do about errors that a small model meets again when it is shown the error alone. */

import type { GeneratedLanguage } from './reply/language.ts';
import { importOf } from './reply/standard-imports.ts';

/** Python's functions that programs call as if values had them. */
const BUILT_IN = new Set([
  'abs',
  'enumerate',
  'filter',
  'len',
  'list',
  'map',
  'max',
  'min',
  'reversed',
  'round',
  'set',
  'sorted',
  'sum',
  'zip',
]);

type Advice = readonly [pattern: RegExp, say: (found: RegExpExecArray, language: GeneratedLanguage) => string];

const ADVICE: readonly Advice[] = [
  [
    /ModuleNotFoundError|PACKAGE_UNAVAILABLE|Cannot find (?:module|package)/,
    () => 'That package does not exist here: write the program without it. ',
  ],
  [/FileNotFoundError|ENOENT/, (found, language) => absentFile(found.input, language)],
  [/has no attribute '(\w+)'/, ([, name = '']) => (BUILT_IN.has(name) ? `${name} is a function: write ${name}(value). ` : '')],
  [
    /object is not subscriptable|object of type '\w+' has no len\(\)/,
    () => 'Make a list of it first, with list(value), and use the list. ',
  ],
  [/I\/O operation on closed file/, () => 'Read the whole file into a list inside its with block. '],
  [/printed only undefined/, () => 'Give reduce() no second argument, and use the names of members that the data has. '],
  [/printed only </, () => 'Make a text or a list of it before it is printed, with join() or list(). '],
];

/**
 * One sentence or line for the next attempt; empty where the error says it all.
 * @example adviceOn("NameError: name 'json' is not defined", 'python') // 'The program must begin with the line: import json\n'
 */
export function adviceOn(error: string, language: GeneratedLanguage): string {
  for (const [pattern, say] of ADVICE) {
    const found = pattern.exec(error);
    if (found !== null) return say(found, language);
  }
  const line = missingImport(error, language);
  return line === null ? '' : `The program must begin with the line: ${line}\n`;
}

/** The file may be what the task is about: what to do without it then stands in the task. */
function absentFile(error: string, language: GeneratedLanguage): string {
  const path = /No such file or directory: '([^'\n]{1,200})'|no such file or directory, \w+ '([^'\n]{1,200})'/.exec(error);
  const name = JSON.stringify(path?.[1] ?? path?.[2] ?? 'the path');
  const line = language === 'python' ? `if not os.path.exists(${name}):` : `if (!fs.existsSync(${name})) {`;
  return `That file does not exist. Before the program opens it, it must do what the task says then, below the line: ${line}\n`;
}

/**
 * The line that imports the module of the standard library whose name the program did not know; `null` for every other error.
 * @example missingImport('ReferenceError: fs is not defined', 'javascript') // 'const fs = require("fs");'
 */
export function missingImport(error: string, language: GeneratedLanguage): string | null {
  const found = /(?:NameError: name '(\w+)'|ReferenceError: (\w+)) is not defined/.exec(error);
  const name = found?.[1] ?? found?.[2];
  return name === undefined ? null : importOf(name, language, true);
}
