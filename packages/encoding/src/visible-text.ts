/**
 * Text of strangers, for people to read before they decide. What shows nothing, turns text around, or may show something else on the next
 * machine stands as U+FFFD, so that two texts that differ look different. Letters that resemble each other are not told apart.
 */

/** Controls, formats, private use, lone surrogates, line separators, what Unicode has not assigned, and what renderers leave out. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/**
 * The text with a mark in the place of each character that is not to be seen, line ends among them.
 * @example visibleText('a\u202Egnp.exe') // 'a\uFFFDgnp.exe'
 */
export function visibleText(text: string): string {
  return text.replace(UNSEEN, '\uFFFD');
}
