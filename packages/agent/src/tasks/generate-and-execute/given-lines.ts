/**
 * The context as lines that define its members, with which a program can begin. Small models that have to carry values from JSON into a program drop
 * some, or parse the JSON wrongly.
 */

import { isCoded } from '@assay/encoding/coded-error';
import { isJsonObject, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import type { GeneratedLanguage } from './reply/language.ts';

/** Of all lines. Characters. */
const MOST_TEXT = 1500;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,40}$/;
/** Keywords of either language, and functions that programs use under these names. */
const TAKEN = new Set(
  `and as assert async await break case catch class const continue def default del delete do elif else enum except export extends false finally for
  from function global if import in instanceof is lambda let new nonlocal not null or pass raise return super switch this throw true try typeof var
  void while with yield None True False abs all any dict enumerate filter float format input int len list map max min open print range round set
  sorted str sum tuple type zip console fs math json csv require process module exports`.split(/\s+/),
);

/**
 * The lines; `null` where a member has a name that a program cannot use, a number has digits that would be lost, or there is too much of it.
 * @example givenLines('{"prices":[1,2]}', 'python') // 'prices = [1, 2]\n'
 */
export function givenLines(context: string | null, language: GeneratedLanguage): string | null {
  const members = context === null ? null : membersOf(context);
  if (context === null || members === null || JSON.stringify(members) !== withoutSpace(context)) return null;
  const names = Object.keys(members);
  if (names.length === 0 || names.some((name) => !NAME.test(name) || TAKEN.has(name))) return null;
  const lines = names.map((name) => {
    const value = literal(members[name] as Json, language);
    return language === 'python' ? `${name} = ${value}\n` : `const ${name} = ${value};\n`;
  });
  const text = lines.join('');
  return text.length > MOST_TEXT ? null : text;
}

function membersOf(context: string): JsonObject | null {
  try {
    const value = parseJson(context);
    return isJsonObject(value) ? value : null;
  } catch (error) {
    if (isCoded(error)) return null;
    throw error;
  }
}

/** JSON text without the space between its parts. */
function withoutSpace(json: string): string {
  let packed = '';
  let inText = false;
  for (let at = 0; at < json.length; at++) {
    const character = json.charAt(at);
    if (inText && character === '\\') {
      packed += json.slice(at, at + 2);
      at += 1;
      continue;
    }
    if (character === '"') inText = !inText;
    if (inText || character.trim() !== '') packed += character;
  }
  return packed;
}

/** A value as the language writes it. */
function literal(value: Json, language: GeneratedLanguage): string {
  if (language === 'javascript') return JSON.stringify(value);
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map((item) => literal(item, language)).join(', ')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${literal(member as Json, language)}`);
  return `{${members.join(', ')}}`;
}
