/**
 * Finds the exact characters of an object's members in JSON text, because Intel's signatures cover a nested object as it was
 * written. Works on text that a JSON parser has already accepted; it only has to find borders.
 */

/**
 * The members of the object that `text` holds: name → exact text of the value. Of a repeated name the last one counts, as in
 * JSON.parse.
 * @param text valid JSON whose outermost value is an object.
 */
export function memberTexts(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let position = skipSpace(text, skipSpace(text, 0) + 1);
  while (text[position] === '"') {
    const nameEnd = stringEnd(text, position);
    const name: unknown = JSON.parse(text.slice(position, nameEnd));
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = valueEnd(text, start);
    members.set(String(name), text.slice(start, end));
    position = skipSpace(text, end);
    if (text[position] === ',') position = skipSpace(text, position + 1);
  }
  return members;
}

/** JSON text without the white space between its tokens: the form Intel signs. */
export function compactJson(text: string): string {
  let compact = '';
  let position = 0;
  while (position < text.length) {
    if (text[position] === '"') {
      const end = stringEnd(text, position);
      compact += text.slice(position, end);
      position = end;
    } else {
      const next = skipSpace(text, position);
      if (next === position) compact += text[position++];
      else position = next;
    }
  }
  return compact;
}

function valueEnd(text: string, start: number): number {
  let depth = 0;
  let position = start;
  while (position < text.length) {
    const character = text[position];
    if (character === '"') {
      position = stringEnd(text, position);
    } else if (character === '{' || character === '[') {
      depth++;
      position++;
    } else if (character === '}' || character === ']') {
      if (depth === 0) return trimEnd(text, start, position);
      depth--;
      position++;
    } else if (character === ',' && depth === 0) {
      return trimEnd(text, start, position);
    } else {
      position++;
    }
  }
  return trimEnd(text, start, position);
}

function stringEnd(text: string, start: number): number {
  let position = start + 1;
  while (position < text.length && text[position] !== '"') position += text[position] === '\\' ? 2 : 1;
  return position + 1;
}

function skipSpace(text: string, start: number): number {
  let position = start;
  while (position < text.length && ' \t\r\n'.includes(text[position] ?? '')) position++;
  return position;
}

function trimEnd(text: string, start: number, end: number): number {
  let position = end;
  while (position > start && ' \t\r\n'.includes(text[position - 1] ?? '')) position--;
  return position;
}
