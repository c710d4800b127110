/**
 * How a person can start the next command. Hints name commands as `assay verify …`; after `npx assay`, or in a script of npm, no such
 * program is on the path of the shell, and `npx assay verify …` is what works.
 */

import type { Io } from './io.ts';

/** The commands that hints name: `program.ts` lists all, and a test holds them equal. */
const COMMAND =
  /(?<!npx )\bassay(?=\s+(?:ask|audit|build|bundle|check-contract|collateral|compare|completion|doctor|inspect|keys|log|mcp|measure|mock-tee|model|operator|owners|policy|proxy|receipt|replay|run|sandbox|serve|service|solc|store|talk|tasks|tee-validation|validate|variables|verify)\b)/g;

/**
 * Standard error as the person who started this process can use it: in hints, commands have the form that works for them. Other lines
 * stay as they are, for they can hold the words of others.
 * @param env npm and npx set `npm_command` for what they start.
 * @example asStarted('hint: assay model fetch brings one\n', { npm_command: 'exec' }) // 'hint: npx assay model fetch brings one\n'
 */
export function asStarted(text: string, { npm_command: npm }: Io['env']): string {
  if (npm === undefined || npm === '') return text;
  const hint = /^hint: /m.exec(text);
  return hint === null ? text : text.slice(0, hint.index) + text.slice(hint.index).replace(COMMAND, 'npx assay');
}
