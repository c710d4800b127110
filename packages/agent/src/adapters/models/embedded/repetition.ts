/** Loops of small models: the same words again and again until the token limit, which takes minutes and gives nothing. */

/** What is looked at: the end of the text. Characters. */
const TAIL = 600;
/** Longest part whose repetition counts. In the tail it stands at least five times. Characters. */
const LONGEST_PART = 120;

/**
 * True when the end of `text` is one part over and over.
 * @example isRepeating('0b' + '10'.repeat(400)) // true
 */
export function isRepeating(text: string): boolean {
  if (text.length < TAIL) return false;
  const tail = text.slice(-TAIL);
  for (let period = 1; period <= LONGEST_PART; period += 1) if (hasPeriod(tail, period)) return true;
  return false;
}

function hasPeriod(text: string, period: number): boolean {
  for (let at = text.length - 1; at >= period; at -= 1) if (text[at] !== text[at - period]) return false;
  return true;
}
