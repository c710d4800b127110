/** Words that others wrote, fit for one line of an error. */

/**
 * Splits words of an agent into what it says and what it advises, which stands behind the first semicolon, as in our own errors.
 * @param otherwise the advice where the agent gives none.
 * @example withAdvice('no model is connected; fetch one; or start Ollama', 'x').advice // 'fetch one, or start Ollama'
 */
export function withAdvice(words: string, otherwise: string): { readonly said: string; readonly advice: string } {
  const cut = words.indexOf('; ');
  if (cut < 0) return { said: oneLine(words), advice: otherwise };
  const advice = words.slice(cut + 2).trim();
  return { said: oneLine(words.slice(0, cut)), advice: advice === '' ? otherwise : oneLine(advice.replaceAll('; ', ', ')) };
}

/** The beginning of the text, without line ends and other control characters. */
export function oneLine(text: string): string {
  const words = text
    .slice(0, 300)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .replace(/\.$/, '');
  return words === '' ? 'no text' : words;
}
