/** Instants: one reading on every platform, and nothing that is no instant of the calendar. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseInstant } from './instant.ts';

test.each([
  ['1970-01-01T00:00:01Z', 1000],
  ['2026-06-10t01:48:55z', Date.UTC(2026, 5, 10, 1, 48, 55)],
  ['2026-06-10T01:48:55.1Z', Date.UTC(2026, 5, 10, 1, 48, 55, 100)],
  ['2026-06-10T01:48:55.123456789Z', Date.UTC(2026, 5, 10, 1, 48, 55, 123)],
  ['2026-06-10T01:48:55+02:30', Date.UTC(2026, 5, 9, 23, 18, 55)],
  ['2026-06-10T01:48:55-02:30', Date.UTC(2026, 5, 10, 4, 18, 55)],
  ['2026-06-10T01:48:55-00:00', Date.UTC(2026, 5, 10, 1, 48, 55)],
  ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
  ['0000-02-29T00:00:00Z', Date.parse('0000-02-29T00:00:00Z')],
  ['9999-12-31T23:59:59.999Z', 253_402_300_799_999],
])('%s is read', (text, epoch) => expect(parseInstant(text)).toBe(epoch));

test.each([
  ...['2026-02-30T00:00:00Z', '2026-02-29T00:00:00Z', '2100-02-29T00:00:00Z', '2026-04-31T00:00:00Z', '2026-00-01T00:00:00Z'],
  ...['2026-13-01T00:00:00Z', '2026-01-00T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T00:60:00Z', '2026-01-01T23:59:60Z'],
  ...['2026-01-01T00:00:00+24:00', '2026-01-01T00:00:00-00:60', '2026-01-01T00:00:00', '2026-01-01 00:00:00Z', '2026-01-01'],
  ...['+002026-01-01T00:00:00Z', '26-01-01T00:00:00Z', '2026-01-01T00:00:00.Z', ' 2026-01-01T00:00:00Z', '', 'today'],
])('%s is no instant', (text) => expect(parseInstant(text)).toBeNull());

test('whatever a date writes is read again', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(-62_167_219_200_000), max: new Date(253_402_300_799_999), noInvalidDate: true }),
      (date) => {
        expect(parseInstant(date.toISOString())).toBe(date.getTime());
      },
    ),
  );
});
