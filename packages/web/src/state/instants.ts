/** Times for people, in the visitor's own language and zone. */

const FULL: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'short' };

/** @param epochMs epoch milliseconds. @example instantOf(0) // Jan 1, 1970, 1:00 AM */
export function instantOf(epochMs: number): string {
  return new Date(epochMs).toLocaleString(undefined, FULL);
}

const STEPS: readonly (readonly [seconds: number, unit: Intl.RelativeTimeFormatUnit])[] = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
];

/** How long ago; both epoch milliseconds. The future, by a clock that runs ahead, is now. @example agoOf(now - 90_000, now) // 1 minute ago */
export function agoOf(epochMs: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - epochMs) / 1000));
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
  for (const [size, unit] of STEPS) if (seconds >= size) return words.format(-Math.floor(seconds / size), unit);
  return seconds < 5 ? 'now' : words.format(-seconds, 'second');
}

/** @example durationOf(93_784) // 1 d 2 h 3 min */
export function durationOf(seconds: number): string {
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [Math.floor(seconds) % 60, 's'],
  ];
  const from = parts.findIndex(([count]) => count > 0);
  if (from === -1) return '0 s';
  return parts
    .slice(from, from + 3)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}
