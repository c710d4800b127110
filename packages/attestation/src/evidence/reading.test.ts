/** A file is parsed and decoded once while readers look at it, and again afterwards. */

import { utf8 } from '@assay/encoding/bytes';
import { describe, expect, it } from 'vitest';
import { bytesOfText, jsonIn, parsedOnce } from './reading.ts';

describe('parsedOnce', () => {
  it.each([
    ['text', bytesOfText, '00ff', Uint8Array.of(0, 255), '01'],
    ['JSON', jsonIn, '[1]', [1], '[2]'],
  ] as const)('%s', (_, read, text, value, other) => {
    const file = utf8(text);
    const [first, second, different] = parsedOnce(file, () => [read(file), read(file), read(utf8(other))]);
    expect(first).toEqual(value);
    expect(second).toBe(first);
    expect(different).not.toEqual(first);
    expect(read(file)).toEqual(value);
    expect(read(file)).not.toBe(first);
  });

  it('keeps that a file is neither', () => {
    const file = utf8('<a>');
    expect(parsedOnce(file, () => [bytesOfText(file), bytesOfText(file), jsonIn(file), jsonIn(file)])).toEqual([
      null,
      null,
      undefined,
      undefined,
    ]);
  });

  it('reads bytes that changed between two looks', () => {
    const file = utf8('00');
    expect(parsedOnce(file, () => bytesOfText(file))).toEqual(Uint8Array.of(0));
    file.set(utf8('ff'));
    expect(parsedOnce(file, () => bytesOfText(file))).toEqual(Uint8Array.of(255));
  });
});
