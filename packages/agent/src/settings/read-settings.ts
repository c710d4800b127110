/** An environment read against a table of settings: typed values, every problem at once, and names that look like settings and are none. */

import type { Environment } from '../env-file.ts';
import { ServerError, type ServerErrorCode } from '../errors.ts';
import { Refusal, type Setting } from './setting.ts';

export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

/** The value of each setting in a table. */
export type SettingValues<Table extends SettingTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Setting<infer Value> ? Value : never;
};

/** Something wrong with one setting. */
export interface SettingProblem {
  readonly setting: string;
  readonly code: ServerErrorCode;
  /** One line that begins with the setting's name. */
  readonly message: string;
}

/** What an environment says. */
export interface ReadSettings<Table extends SettingTable> {
  /** A setting with a problem has its fallback here. */
  readonly values: SettingValues<Table>;
  readonly problems: readonly SettingProblem[];
}

/**
 * Reads every setting of `table`. A variable that is absent or empty is not set.
 *
 * @example readSettings({ PORT: whole({ fallback: 80, least: 0, most: 65_535, doc: 'port' }) }, {}).values.PORT // 80
 */
export function readSettings<Table extends SettingTable>(table: Table, environment: Environment): ReadSettings<Table> {
  const problems: SettingProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { parse, fallback }] of Object.entries(table)) {
    const text = environment[name] ?? '';
    const value = text === '' ? fallback : parse(text);
    if (value instanceof Refusal) problems.push(problem(name, 'config/bad-value', value.message));
    values[name] = value instanceof Refusal ? fallback : value;
  }
  return { values: values as SettingValues<Table>, problems };
}

/** A problem whose message begins with the setting's name. */
export function problem(setting: string, code: ServerErrorCode, message: string): SettingProblem {
  return { setting, code, message: `${setting} ${message}` };
}

/**
 * Throws the first problem, with all of them in `details.problems`, when there is one.
 * @throws {ServerError} with the code of the first problem.
 */
export function throwProblems(problems: readonly SettingProblem[]): void {
  const [first] = problems;
  if (first !== undefined) throw new ServerError(first.code, first.message, { details: { problems } });
}

/** One line for each variable that begins with `prefix` and is not in the table: it has no effect. */
export function unknownSettings(table: SettingTable, environment: Environment, prefix: string): readonly string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith(prefix) && !Object.hasOwn(table, name))
    .map((name) => `${name} is not a setting of this agent; see docs/settings.md for the names`);
}
