/** Words that others wrote, fit for one line of an error. */

/** The beginning of the text, without line ends and other control characters. */
export function oneLine(text: string): string {
  const words = text
    .slice(0, 300)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .replace(/\.$/, '');
  return words === '' ? 'no text' : words;
}
