/** Companions that nothing reads are named, the first eight of them, and the rest counted. */

import { expect, test } from 'vitest';
import { companionWarnings } from './companion-warnings.ts';

const page = (name: string) => ({ name, bytes: new TextEncoder().encode('<!DOCTYPE html><html></html>') });

test('each of a few, and of many the first and how many more', () => {
  expect(companionWarnings([page('a.html')])).toEqual([
    expect.stringMatching(/^companion a\.html: .+nothing was read from it/),
  ]);
  const many = companionWarnings(Array.from({ length: 11 }, (_, at) => page(`${at}.html`)));
  expect([many.length, many.at(-1)]).toEqual([9, 'and 3 more companions that nothing was read from']);
});
