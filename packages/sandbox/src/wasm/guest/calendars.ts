/** `Intl.DateTimeFormat` without a date and `Temporal.Now`, both of which ask the engine for the time, on the job's clock. */

interface TemporalApi {
  readonly Now: object;
  readonly Instant: {
    fromEpochMilliseconds(milliseconds: number): { toZonedDateTimeISO(zone: unknown): ZonedTime };
  };
}

interface ZonedTime {
  toPlainDateTime(): unknown;
  toPlainDate(): unknown;
  toPlainTime(): unknown;
}

/** Installs both; `now` gives epoch milliseconds. */
export function installCalendars(now: () => number): void {
  installFormats(now);
  const { Temporal } = globalThis as unknown as { readonly Temporal?: TemporalApi };
  if (Temporal !== undefined) installTemporal(Temporal, now);
}

function installFormats(now: () => number): void {
  const prototype = Intl.DateTimeFormat.prototype as unknown as Record<string, unknown>;
  const real = Object.getOwnPropertyDescriptor(prototype, 'format')?.get as (this: unknown) => (date: unknown) => string;
  const bound = new WeakMap<object, (date?: unknown) => string>();
  Object.defineProperty(prototype, 'format', {
    configurable: true,
    get(this: object) {
      const format = Reflect.apply(real, this, []);
      const known = bound.get(format);
      if (known !== undefined) return known;
      const dated = (date?: unknown): string => format(date === undefined ? now() : date);
      bound.set(format, dated);
      return dated;
    },
  });
  const toParts = prototype.formatToParts as (date: unknown) => unknown;
  Object.defineProperty(prototype, 'formatToParts', {
    configurable: true,
    writable: true,
    value(this: unknown, date?: unknown) {
      return Reflect.apply(toParts, this, [date === undefined ? now() : date]);
    },
  });
}

function installTemporal(temporal: TemporalApi, now: () => number): void {
  const zoned = (zone: unknown = 'UTC'): ZonedTime => temporal.Instant.fromEpochMilliseconds(now()).toZonedDateTimeISO(zone);
  const clocks: Readonly<Record<string, (zone?: unknown) => unknown>> = {
    instant: () => temporal.Instant.fromEpochMilliseconds(now()),
    timeZoneId: () => 'UTC',
    zonedDateTimeISO: zoned,
    plainDateTimeISO: (zone) => zoned(zone).toPlainDateTime(),
    plainDateISO: (zone) => zoned(zone).toPlainDate(),
    plainTimeISO: (zone) => zoned(zone).toPlainTime(),
  };
  for (const name of Object.getOwnPropertyNames(temporal.Now)) {
    const value = clocks[name];
    // A clock that a later engine adds is no clock of this realm.
    if (value === undefined) Reflect.deleteProperty(temporal.Now, name);
    else Object.defineProperty(temporal.Now, name, { value, writable: true, configurable: true });
  }
}
