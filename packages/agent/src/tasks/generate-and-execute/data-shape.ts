/**
 * What is in a file, in the words that help a model to read it: the columns of a table, the members of JSON, or how a text begins. A model
 * that cannot see them guesses, and small ones guess badly.
 */

import { isCoded } from '@assay/encoding/coded-error';
import { isJsonObject, type Json, parseJson } from '@assay/encoding/json';
import { beginningOf } from './file-beginning.ts';

/** Longer JSON is described by its beginning alone. Bytes. */
const MOST_JSON = 256 * 1024;
/** Of the object that is shown. Characters. */
const MOST_SHOWN = 240;

/**
 * One phrase about the content of a file; `null` for what is no text.
 * @example shapeOf('/tmp/a.csv', utf8('x,y\n1,2\n')) // 'CSV; its first line names the columns "x,y", the next line is "1,2"'
 */
export function shapeOf(path: string, bytes: Uint8Array): string | null {
  const begins = beginningOf(bytes);
  if (begins === null) return null;
  const said = /\.(?:csv|tsv)$/i.test(path) ? tableShape(begins) : /\.json$/i.test(path) ? jsonShape(bytes) : null;
  return said ?? `begins with the data ${JSON.stringify(begins)}`;
}

/** `null` where the first line holds a number, so that it names no columns. */
function tableShape(begins: string): string | null {
  const [head = '', row = ''] = begins.split(/\r?\n/);
  const cells = head.split(/[,;\t]/);
  if (row === '' || cells.length < 2 || cells.some((cell) => cell.trim() === '' || Number.isFinite(Number(cell)))) return null;
  return `CSV; its first line names the columns ${JSON.stringify(head)}, the next line is ${JSON.stringify(row)}`;
}

function jsonShape(bytes: Uint8Array): string | null {
  if (bytes.length > MOST_JSON) return null;
  const value = jsonOf(bytes);
  if (Array.isArray(value) && isJsonObject(value[0] as Json)) {
    const first = JSON.stringify(value[0]);
    return first.length > MOST_SHOWN ? null : `JSON; a list of ${value.length} objects like ${first}`;
  }
  const text = value === null ? '' : JSON.stringify(value);
  return text === '' || text.length > MOST_SHOWN ? null : `JSON; ${text}`;
}

function jsonOf(bytes: Uint8Array): Json {
  try {
    return parseJson(bytes, { maxBytes: MOST_JSON });
  } catch (error) {
    if (isCoded(error)) return null;
    throw error;
  }
}
