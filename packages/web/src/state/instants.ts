/** Times for people, in the visitor's own language and zone. */

/** Made once: making one takes longer than drawing the row that it is for. */
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

/** @param epochMs epoch milliseconds; `unknown` for what is no time. @example instantOf(0) // Jan 1, 1970, 1:00 AM */
export function instantOf(epochMs: number): string {
  const at = new Date(epochMs);
  return Number.isNaN(at.getTime()) ? 'unknown' : FULL.format(at);
}

const STEPS: readonly (readonly [seconds: number, unit: Intl.RelativeTimeFormatUnit])[] = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
];

/** How long ago; both epoch milliseconds. What is no time stands as {@link instantOf} has it; the future, by a clock that runs ahead, is now. @example agoOf(now - 90_000, now) // 1 minute ago */
export function agoOf(epochMs: number, now: number): string {
  if (Number.isNaN(new Date(epochMs).getTime())) return instantOf(epochMs);
  const seconds = Math.max(0, Math.round((now - epochMs) / 1000));
  for (const [size, unit] of STEPS) if (seconds >= size) return AGO.format(-Math.floor(seconds / size), unit);
  return seconds < 5 ? 'now' : AGO.format(-seconds, 'second');
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
