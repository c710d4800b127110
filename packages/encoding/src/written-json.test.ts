/** Numbers that a double would change come out as they went in. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseWrittenJson } from './written-json.ts';

test.each([
  '1000000000000000001',
  '9007199254740993',
  '123456789012345678901234567890',
  '100.0',
  '-0',
  '1e400',
  '0.1000',
  '1E5',
  '-1.50e-10',
])('%s keeps its digits', (digits) => {
  expect(JSON.stringify(parseWrittenJson(`{"a":[${digits}]}`))).toBe(`{"a":[${digits}]}`);
});

test('everything else is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(JSON.parse(JSON.stringify(parseWrittenJson(text)))).toEqual(JSON.parse(text));
    }),
  );
});
