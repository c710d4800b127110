/** How instants are written for people; they are read by `@assay/encoding/instant`. */

export { parseInstant } from '@assay/encoding/instant';

/**
 * Epoch milliseconds as RFC 3339 text in UTC, without a fraction of zero. Years beyond 9999 read as `never`.
 * @example formatInstant(0) // '1970-01-01T00:00:00Z'
 */
export function formatInstant(epoch: number): string {
  if (!Number.isFinite(epoch) || epoch > 253_402_300_799_999) return 'never';
  return new Date(epoch).toISOString().replace('.000Z', 'Z');
}
