/** Thoughts that are set apart by words instead of marks: Granite's headings, and harmony whose marks were lost on the way. */

const HEADINGS: readonly (readonly [string, string])[] = [
  ['here is my thought process', 'here is my response'],
  ["here's my thought process", "here's my response"],
  ['thinking process:', 'final answer:'],
];

/** The reply without such thoughts; the reply itself when there are none. */
export function answerPart(text: string): string {
  const start = text.slice(0, 80).toLowerCase().trimStart();
  for (const [thoughts, answer] of HEADINGS) {
    if (!start.startsWith(thoughts)) continue;
    const at = text.toLowerCase().lastIndexOf(answer);
    if (at >= 0) return text.slice(at + answer.length).replace(/^[:*\s]*/, '\n');
  }
  if (start.startsWith('analysis')) {
    const mark = 'assistantfinal';
    const at = text.lastIndexOf(mark);
    if (at >= 0) return text.slice(at + mark.length);
  }
  return text;
}
