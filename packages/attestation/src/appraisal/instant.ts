/** RFC 3339 instants, strictly: calendar dates that exist, a time and an offset. */

const RFC_3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/**
 * @param text e.g. `2026-06-10T01:48:55Z`.
 * @returns epoch milliseconds, `null` when the text is no RFC 3339 instant.
 * @example
 * parseInstant('1970-01-01T00:00:01Z'); // 1000
 */
export function parseInstant(text: string): number | null {
  const match = RFC_3339.exec(text);
  if (match === null) return null;
  const [, year, month, day] = match.map(Number);
  const lastDay = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
  if ((month ?? 0) < 1 || (month ?? 0) > 12 || (day ?? 0) < 1 || (day ?? 0) > lastDay) return null;
  const epoch = Date.parse(text.toUpperCase());
  return Number.isNaN(epoch) ? null : epoch;
}

/** Epoch milliseconds as RFC 3339 text in UTC, without a fraction of zero. Years beyond 9999 read as `never`. */
export function formatInstant(epoch: number): string {
  if (!Number.isFinite(epoch) || epoch > 253_402_300_799_999) return 'never';
  return new Date(epoch).toISOString().replace('.000Z', 'Z');
}
