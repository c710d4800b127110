/**
 * What a file looks like on a page. Only pictures whose bytes begin as they should are drawn; SVG, HTML and everything else that could run
 * is text. Bounded: a preview is no reader.
 */

import { printable } from './text-safety.ts';

export type FilePreview =
  | { readonly kind: 'picture'; readonly type: string }
  | {
      readonly kind: 'table';
      readonly head: readonly string[];
      readonly rows: readonly (readonly string[])[];
      /** More rows or columns are in the file. */
      readonly cut: boolean;
    }
  | { readonly kind: 'text'; readonly text: string; readonly language: string; readonly cut: boolean }
  | { readonly kind: 'none' };

const PICTURES: readonly (readonly [type: string, magic: readonly number[]])[] = [
  ['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['image/jpeg', [0xff, 0xd8, 0xff]],
  ['image/gif', [0x47, 0x49, 0x46, 0x38]],
];
const MAX_PICTURE = 32 * 1024 * 1024;
/** Bytes of a file that are looked at. */
const MAX_LOOKED = 256 * 1024;
const MAX_ROWS = 50;
const MAX_COLUMNS = 20;
const MAX_CELL = 200;
const MAX_LINES = 60;
const LANGUAGES: Readonly<Record<string, string>> = { json: 'json', py: 'python', js: 'javascript', mjs: 'javascript' };

/** @example const preview = await previewOf('/tmp/sales.csv', bytes); */
export async function previewOf(path: string, bytes: Uint8Array): Promise<FilePreview> {
  const picture = pictureType(bytes);
  if (picture !== null) return bytes.length <= MAX_PICTURE ? { kind: 'picture', type: picture } : { kind: 'none' };
  const text = textOf(bytes);
  if (text === null) return { kind: 'none' };
  const cut = bytes.length > MAX_LOOKED;
  const suffix = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  if (suffix === 'csv' || suffix === 'tsv') {
    const table = await separated(text, cut, suffix === 'tsv' ? '\t' : '');
    if (table !== null) return table;
  }
  if (suffix === 'json' && !cut) {
    const table = jsonTable(text);
    if (table !== null) return table;
  }
  const lines = text.split('\n', MAX_LINES + 1);
  const shown = lines.slice(0, MAX_LINES).join('\n').slice(0, 20_000);
  return { kind: 'text', text: shown, language: LANGUAGES[suffix] ?? 'text', cut: cut || shown.length < text.length };
}

/** Which picture it is by its first bytes; a name proves nothing. */
function pictureType(bytes: Uint8Array): string | null {
  const begins = (magic: readonly number[], at = 0): boolean => magic.every((byte, index) => bytes[at + index] === byte);
  if (begins([0x52, 0x49, 0x46, 0x46]) && begins([0x57, 0x45, 0x42, 0x50], 8)) return 'image/webp';
  return PICTURES.find(([, magic]) => begins(magic))?.[0] ?? null;
}

/** The beginning of a text; `null` for bytes that are none. */
function textOf(bytes: Uint8Array): string | null {
  const looked = bytes.subarray(0, MAX_LOOKED);
  if (looked.length === 0 || looked.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(looked, { stream: looked.length < bytes.length });
  } catch {
    return null;
  }
}

async function separated(text: string, cut: boolean, delimiter: string): Promise<FilePreview | null> {
  const { default: papa } = await import('papaparse');
  const { data } = papa.parse<string[]>(text, { delimiter, preview: MAX_ROWS + 2, skipEmptyLines: true });
  const [head, ...rows] = data;
  return head === undefined || head.length < 2 ? null : tableOf(head, rows, cut);
}

/** A list of flat objects. */
function jsonTable(text: string): FilePreview | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(value) || value.length === 0) return null;
  const records = value.slice(0, MAX_ROWS + 1);
  if (!records.every((record) => typeof record === 'object' && record !== null && !Array.isArray(record))) return null;
  const head = [...new Set(records.flatMap((record: object) => Object.keys(record)))];
  const cell = (member: unknown): string =>
    typeof member === 'string' ? member : member === undefined ? '' : (JSON.stringify(member) ?? '');
  const rows = records.map((record: Readonly<Record<string, unknown>>) => head.map((name) => cell(record[name])));
  return tableOf(head, rows, value.length > MAX_ROWS);
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[], cut: boolean): FilePreview {
  const cells = (row: readonly string[]): readonly string[] =>
    head.slice(0, MAX_COLUMNS).map((_, index) => printable(row[index] ?? '').slice(0, MAX_CELL));
  return {
    kind: 'table',
    head: cells(head),
    rows: rows.slice(0, MAX_ROWS).map(cells),
    cut: cut || rows.length > MAX_ROWS || head.length > MAX_COLUMNS,
  };
}
