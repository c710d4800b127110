/** The ends of texts, without regular expressions: `/=+$/` looks again from every `=` of a long run that does not reach the end. */

/**
 * `text` without every `end` that stands at its end.
 * @param end one character.
 * @example withoutTrailing('aGk==', '=') // 'aGk'
 */
export function withoutTrailing(text: string, end: string): string {
  let length = text.length;
  while (length > 0 && text.charAt(length - 1) === end) length -= 1;
  return text.slice(0, length);
}
