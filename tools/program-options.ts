/**
 * The command lines of this checkout's own programs (`npm run image`, `npm run bench:…`): `--help` prints what they take, and a call that does not fit
 * ends with exit code 2 and a line that names what was expected.
 */

import { parseArgs } from 'node:util';
import { printFailure } from './program-failure.ts';

/** Exit code of a call that a program does not take. */
export const MISUSE = 2;
const COLUMN_GAP = 2;

/** Which numbers a program takes: no run at all, and half a run, measure nothing. */
export type NumberKind = 'count' | 'whole' | 'positive';

/** What a word of a call has to be; any text when both are left out. */
export interface WordRule {
  readonly about: string;
  readonly choices?: readonly string[] | undefined;
  /** `count`: whole, from 1; `whole`: whole, from 0; `positive`: above 0, with a fraction or without. */
  readonly number?: NumberKind | undefined;
}

export interface ProgramOption extends WordRule {
  /** What stands behind the option, such as `DIR`; an option without it is on or off. */
  readonly takes?: string | undefined;
  readonly default?: string | undefined;
}

export interface ProgramArgument extends WordRule {
  /** As usage shows it, such as `DIR`. */
  readonly name: string;
  readonly required?: true | undefined;
  /** Takes all that follow as well; of the last argument only. */
  readonly repeated?: true | undefined;
}

export interface Program<Options extends Readonly<Record<string, ProgramOption>> = Readonly<Record<string, ProgramOption>>> {
  /** As one types it: `npm run image`. */
  readonly call: string;
  readonly does: string;
  readonly options: Options;
  readonly arguments?: readonly ProgramArgument[] | undefined;
}

/** Text of an option that takes a word, whether an option without one was given. */
export type OptionValues<Options> = {
  readonly [Name in keyof Options]: Options[Name] extends { readonly takes: string }
    ? Options[Name] extends { readonly default: string }
      ? string
      : string | undefined
    : boolean;
};

export type ReadCall<Options> =
  | { readonly type: 'call'; readonly values: OptionValues<Options>; readonly positionals: readonly string[] }
  | { readonly type: 'help'; readonly usage: string }
  | { readonly type: 'misuse'; readonly message: string };

/**
 * The call of this process. Prints usage and ends the process with 0 for `--help`, with 2 for a call that does not fit.
 * @example const { values } = programOptions({ call: 'npm run bench:cold-start', does: 'Times a start.', options: { runs: { takes: 'N', about: 'starts', number: 'count', default: '5' } } });
 */
export function programOptions<const Options extends Readonly<Record<string, ProgramOption>>>(
  program: Program<Options>,
): Extract<ReadCall<Options>, { type: 'call' }> {
  const read = readCall(program, process.argv.slice(2));
  if (read.type === 'call') return read;
  if (read.type === 'misuse') return refuseCall(program, read.message);
  console.log(read.usage);
  process.exit(0);
}

/** Ends the process with 2. @param message expected …, got … */
export function refuseCall({ call }: Pick<Program, 'call'>, message: string): never {
  printFailure(`${call}: ${message}; ${behind(call, '--help')} shows what it takes`);
  process.exit(MISUSE);
}

/** Reads the words behind the program's name, and changes nothing. @example readCall(program, ['--help']).type // 'help' */
export function readCall<const Options extends Readonly<Record<string, ProgramOption>>>(
  program: Program<Options>,
  args: readonly string[],
): ReadCall<Options> {
  const known: Readonly<Record<string, ProgramOption>> = program.options;
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: {
      ...Object.fromEntries(
        Object.entries(known).map(([name, { takes }]) => [name, { type: takes === undefined ? 'boolean' : 'string' }]),
      ),
      help: { type: 'boolean', short: 'h' },
    },
  });
  const values: Record<string, string | boolean | undefined> = {};
  for (const [name, { takes, default: value }] of Object.entries(known)) values[name] = takes === undefined ? false : value;
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    if (token.name === 'help') return { type: 'help', usage: usageOf(program) };
    const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
    const fault = optionFault(token, option, known);
    if (fault !== null) return { type: 'misuse', message: fault };
    values[token.name] = token.value ?? true;
  }
  const fault = argumentFault(positionals, program.arguments ?? []);
  if (fault !== null) return { type: 'misuse', message: fault };
  return { type: 'call', values: values as OptionValues<Options>, positionals };
}

interface OptionToken {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function optionFault(
  { rawName, value, inlineValue }: OptionToken,
  option: ProgramOption | undefined,
  known: Readonly<Record<string, ProgramOption>>,
): string | null {
  if (option === undefined) {
    const names = Object.keys(known).map((name) => `--${name}`);
    const all = names.length > 1 ? `one of the options ${names.join(', ')}` : `only the option ${names[0]}`;
    return `expected ${names.length === 0 ? 'no option' : all}, got ${rawName}`;
  }
  if (option.takes === undefined) return value === undefined ? null : `expected ${rawName} alone, got a value for it`;
  const negative = option.number !== undefined && /^-\d/.test(value ?? '');
  const absent = value === undefined || value === '' || (inlineValue !== true && value.startsWith('-') && !negative);
  if (absent) return `expected ${option.takes} behind ${rawName}, got none`;
  return wordFault(rawName, value, option);
}

function argumentFault(words: readonly string[], takes: readonly ProgramArgument[]): string | null {
  const missing = takes.find(({ required }, index) => required === true && words[index] === undefined);
  if (missing !== undefined) return `expected ${missing.name}, got none`;
  const last = takes.at(-1);
  for (const [index, word] of words.entries()) {
    const argument = takes[index] ?? (last?.repeated === true ? last : undefined);
    const names = takes.map(({ name }) => name).join(' ');
    if (argument === undefined)
      return `expected ${names === '' ? 'no argument' : `only ${names}`}, got ${JSON.stringify(word)} as well`;
    const fault = wordFault(argument.name, word, argument);
    if (fault !== null) return fault;
  }
  return null;
}

const WHOLE = /^\d{1,15}$/;
const DECIMAL = /^\d{1,15}(?:\.\d{1,15})?$/;
const NUMBERS: Readonly<Record<NumberKind, { readonly words: string; readonly fits: (word: string) => boolean }>> = {
  count: { words: 'a whole number from 1', fits: (word) => WHOLE.test(word) && Number(word) >= 1 },
  whole: { words: 'a whole number from 0', fits: (word) => WHOLE.test(word) },
  positive: { words: 'a number above 0', fits: (word) => DECIMAL.test(word) && Number(word) > 0 },
};

function wordFault(name: string, word: string, { choices, number }: WordRule): string | null {
  const shown = JSON.stringify(word.slice(0, 60));
  if (choices !== undefined && !choices.includes(word))
    return `expected one of ${choices.join(', ')} for ${name}, got ${shown}`;
  if (number !== undefined && !NUMBERS[number].fits(word)) return `expected ${NUMBERS[number].words} for ${name}, got ${shown}`;
  return null;
}

/** The text of `--help`. */
export function usageOf({ call, does, options, arguments: takes = [] }: Program): string {
  const named = takes.map(({ name, required, repeated }) => {
    const shown = repeated === true ? `${name} …` : name;
    return required === true ? shown : `[${shown}]`;
  });
  const words = Object.keys(options).length > 0 ? [...named, '[options]'] : named;
  const rows = [
    ...takes.map((argument): [string, string] => [argument.name, aboutWord(argument)]),
    ...Object.entries(options).map(([name, option]): [string, string] => [
      option.takes === undefined ? `--${name}` : `--${name} ${option.takes}`,
      aboutWord(option),
    ]),
    ['--help', 'this text'] as const,
  ];
  const width = Math.max(...rows.map(([left]) => left.length)) + COLUMN_GAP;
  const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`);
  const usage = words.length === 0 ? call : behind(call, words.join(' '));
  return [`Usage: ${usage}`, '', does, '', ...lines, '', 'Exit codes: 0 done, 1 failed, 2 misuse.'].join('\n');
}

/** npm takes the words behind two dashes to the program. */
function behind(call: string, words: string): string {
  return call.startsWith('npm ') ? `${call} -- ${words}` : `${call} ${words}`;
}

function aboutWord({ about, choices, default: value }: WordRule & { readonly default?: string | undefined }): string {
  const among = choices === undefined ? '' : `; one of ${choices.join(', ')}`;
  return `${about}${among}${value === undefined ? '' : ` (${value})`}`;
}
