/** Every character that shows nothing, or something else than it is, leaves a mark. */

import { expect, test } from 'vitest';
import { visibleText } from './visible-text.ts';

test.each([
  ['a line end', '\n'],
  ['an escape of terminals', '\u001b'],
  ['a soft hyphen', '\u00ad'],
  ['a zero-width space', '\u200b'],
  ['what turns text around', '\u202e'],
  ['a line separator', '\u2028'],
  ['a paragraph separator', '\u2029'],
  ['a Hangul filler', '\u3164'],
  ['a Hangul choseong filler', '\u115f'],
  ['a Khmer vowel that shows nothing', '\u17b4'],
  ['a combining grapheme joiner', '\u034f'],
  ['a Mongolian vowel separator', '\u180e'],
  ['a variation selector', '\ufe0f'],
  ['a tag', '\u{e0041}'],
  ['an empty Braille cell', '\u2800'],
  ['a private character', '\ue000'],
  ['a lone surrogate', '\ud800'],
  ['one that is not assigned', '\u0378'],
  ['a noncharacter', '\ufdd0'],
])('%s', (_, character) => expect(visibleText(`a${character}b`)).toBe('a\ufffdb'));

test('what is to be seen stays', () => {
  for (const text of ['good morning', 'Grüße, 日本語, العربية', '🙂 ≤ €', ' a  b ', '']) expect(visibleText(text)).toBe(text);
});
