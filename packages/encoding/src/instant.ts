/** RFC 3339 instants, strictly: calendar dates that exist, a time of the day and an offset. Every platform reads the same. */

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|[+-](\d\d):(\d\d))$/;

/**
 * @param text e.g. `2026-06-10T01:48:55Z`.
 * @returns epoch milliseconds (a finer fraction is cut), `null` when the text is no RFC 3339 instant: an impossible day, hour 24, a
 *   leap second, an offset of more than 23:59.
 * @example
 * parseInstant('1970-01-01T00:00:01Z'); // 1000
 */
export function parseInstant(text: string): number | null {
  const match = RFC_3339.exec(text);
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const offset = [Number(match[8] ?? 0), Number(match[9] ?? 0)] as const;
  if (hour > 23 || minute > 59 || second > 59 || offset[0] > 23 || offset[1] > 59) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  date.setUTCHours(hour, minute, second, Number((match[7] ?? '').padEnd(3, '0').slice(0, 3)));
  const east = text.at(-6) === '-' ? -1 : 1;
  return date.getTime() - east * (offset[0] * 60 + offset[1]) * 60_000;
}
