/** How a text file begins: enough to see its columns. A model that cannot see them guesses, and small ones guess badly. */

const MOST_CHARACTERS = 160;

/**
 * The first lines of UTF-8 text, whole ones where they fit; `null` for anything else.
 * @example beginningOf(utf8('a,b\n1,2\n')) // 'a,b\n1,2\n'
 */
export function beginningOf(bytes: Uint8Array): string | null {
  const head = bytes.subarray(0, MOST_CHARACTERS * 4);
  const text = new TextDecoder('utf-8').decode(head, { stream: true }).slice(0, MOST_CHARACTERS);
  if (text === '' || /[^\P{Cc}\t\r\n]|\ufffd/u.test(text)) return null;
  const end = text.lastIndexOf('\n');
  return bytes.length <= text.length || end < 0 ? text : text.slice(0, end + 1);
}
