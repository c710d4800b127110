/**
 * Zone data for Python, made from the engine's own (ICU): TZif files (RFC 9636, version 2) for `zoneinfo`, which finds none in the
 * interpreter. Transitions stand from 1900 to 2100. Names of offsets are those of ICU's English locales, else numbers, as in `+03`.
 */

interface Zoned {
  readonly epochMilliseconds: number;
  readonly offsetNanoseconds: number;
  getTimeZoneTransition(direction: 'next'): Zoned | null;
}

interface TemporalApi {
  readonly Instant: { fromEpochMilliseconds(milliseconds: number): { toZonedDateTimeISO(zone: string): Zoned } };
}

interface Rule {
  readonly seconds: number;
  readonly daylight: boolean;
  readonly name: string;
}

const { Temporal } = globalThis as unknown as { readonly Temporal: TemporalApi };
const FROM_MS = Date.UTC(1900, 0, 1);
const UNTIL_MS = Date.UTC(2100, 0, 1);
/** A day of this engine's data; fixed, so that files do not depend on when they are made. */
const TODAY_MS = Date.UTC(2026, 0, 1);
/** Locales in which ICU knows the short names of zones of their part of the world. */
const LOCALES = ['en-US', 'en-GB', 'en-AU', 'en-IN', 'en-ZA', 'en-NZ', 'en-CA', 'ja'];
const HEADER_BYTES = 44;

/** Names of all zones that the engine knows, sorted. */
export function zoneNames(): string[] {
  return [...Intl.supportedValuesOf('timeZone'), 'UTC'].sort();
}

/** The TZif file of a zone; `null` for a name that the engine does not know. */
export function zoneFile(zone: string): Uint8Array | null {
  if (!/^[A-Za-z][\w+-]*(\/[\w+-]+){0,2}$/.test(zone)) return null;
  let at: Zoned;
  try {
    at = Temporal.Instant.fromEpochMilliseconds(FROM_MS).toZonedDateTimeISO(zone);
  } catch {
    return null;
  }
  const names = namesOf(zone);
  const first = ruleAt(at, names);
  const transitions: { readonly seconds: number; readonly rule: Rule }[] = [];
  for (let next = at.getTimeZoneTransition('next'); next !== null; next = next.getTimeZoneTransition('next')) {
    if (next.epochMilliseconds >= UNTIL_MS) break;
    transitions.push({ seconds: Math.floor(next.epochMilliseconds / 1000), rule: ruleAt(next, names) });
  }
  // What holds today has today's name, however long ago it began.
  const last = transitions.at(-1);
  if (last !== undefined && last.seconds * 1000 < TODAY_MS) {
    const today = Temporal.Instant.fromEpochMilliseconds(TODAY_MS).toZonedDateTimeISO(zone);
    transitions.splice(-1, 1, { seconds: last.seconds, rule: ruleAt(today, names) });
  }
  return encode(first, transitions);
}

type NamesAt = (milliseconds: number) => { readonly short: string | null; readonly long: string };

function namesOf(zone: string): NamesAt {
  const format = (locale: string, style: 'short' | 'long'): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: style });
  const short = LOCALES.map((locale) => format(locale, 'short'));
  const long = format('en-US', 'long');
  const name = (from: Intl.DateTimeFormat, milliseconds: number): string =>
    from.formatToParts(milliseconds).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  return (milliseconds) => ({
    short: short.map((from) => name(from, milliseconds)).find((text) => /^[A-Z]{3,5}$/.test(text)) ?? null,
    long: name(long, milliseconds),
  });
}

function ruleAt(zoned: Zoned, names: NamesAt): Rule {
  const seconds = Math.round(zoned.offsetNanoseconds / 1e9);
  const { short, long } = names(zoned.epochMilliseconds);
  return { seconds, daylight: /Summer|Daylight/.test(long), name: short ?? numeric(seconds) };
}

function numeric(seconds: number): string {
  const minutes = Math.abs(Math.trunc(seconds / 60));
  const two = (value: number): string => String(value).padStart(2, '0');
  const rest = minutes % 60 === 0 ? '' : two(minutes % 60);
  return `${seconds < 0 ? '-' : '+'}${two(Math.trunc(minutes / 60))}${rest}`;
}

/** Version 2: an empty block of version 1, then the block with 64-bit times, then an empty rule for what comes after. */
function encode(first: Rule, transitions: readonly { readonly seconds: number; readonly rule: Rule }[]): Uint8Array {
  const keys = new Map<string, number>();
  const rules: Rule[] = [];
  const indexOf = (rule: Rule): number => {
    const key = JSON.stringify(rule);
    const known = keys.get(key) ?? rules.push(rule) - 1;
    keys.set(key, known);
    return known;
  };
  indexOf(first);
  const indices = transitions.map(({ rule }) => indexOf(rule));
  const text = new TextEncoder();
  const starts: number[] = [];
  let characters = '';
  for (const { name } of rules) {
    const known = characters.indexOf(`${name}\0`);
    starts.push(known === -1 ? characters.length : known);
    if (known === -1) characters += `${name}\0`;
  }
  const count = transitions.length;
  const body = new Uint8Array(count * 9 + rules.length * 6 + characters.length);
  const view = new DataView(body.buffer);
  transitions.forEach(({ seconds }, index) => {
    view.setBigInt64(index * 8, BigInt(seconds));
  });
  body.set(indices, count * 8);
  rules.forEach(({ seconds, daylight }, index) => {
    const at = count * 9 + index * 6;
    view.setInt32(at, seconds);
    view.setUint8(at + 4, daylight ? 1 : 0);
    view.setUint8(at + 5, starts[index] ?? 0);
  });
  body.set(text.encode(characters), count * 9 + rules.length * 6);
  const file = new Uint8Array(HEADER_BYTES + 7 + HEADER_BYTES + body.length + 2);
  file.set(header(0, 1, 1), 0);
  file.set(header(count, rules.length, characters.length), HEADER_BYTES + 7);
  file.set(body, HEADER_BYTES + 7 + HEADER_BYTES);
  file.set(text.encode('\n\n'), file.length - 2);
  return file;
}

function header(times: number, types: number, characters: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes.set(new TextEncoder().encode('TZif2'));
  const view = new DataView(bytes.buffer);
  view.setUint32(32, times);
  view.setUint32(36, types);
  view.setUint32(40, characters);
  return bytes;
}
