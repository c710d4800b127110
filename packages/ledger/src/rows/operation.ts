/**
 * Operations on tables that belong to a room (jobs, tasks), written once for both engines: a generator that yields plain SQL and is handed
 * the rows. The engine decides where it runs; everything that one operation does commits together or not at all.
 *
 * The SQL is what SQLite and PostgreSQL share: parameters `$1`, `ON CONFLICT`, `RETURNING`; whole numbers for times and truth.
 */

import type { Json } from '@assay/encoding/json';

export type Value = string | number | null | Uint8Array;
export type Row = Readonly<Record<string, Value>>;

export interface Query {
  readonly text: string;
  readonly values: readonly Value[];
}

export type Operation<Result> = Generator<Query, Result, readonly Row[]>;

/** One operation of a room, known by its name in every thread. */
export interface RoomOperation<Args, Result extends Json> {
  /** `jobs.claim`. */
  readonly name: string;
  readonly steps: (args: Args) => Operation<Result>;
}

/** Tables of a room: SQL for both engines, with `BYTES`, `NUMBER` and `SERIAL` for the types that they name differently. */
export interface Room {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: operations of all rooms stand in one list; each caller has its own types
  readonly operations: readonly RoomOperation<any, Json>[];
}

/** A statement with its values. */
export function query(text: string, ...values: readonly Value[]): Query {
  return { text, values };
}

const TYPES = {
  sqlite: { BYTES: 'BLOB', NUMBER: 'INTEGER', SERIAL: 'INTEGER PRIMARY KEY' },
  postgres: { BYTES: 'BYTEA', NUMBER: 'BIGINT', SERIAL: 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY' },
} as const;

export type Engine = keyof typeof TYPES;

/** A table's SQL in the words of one engine. */
export function tableFor(engine: Engine, sql: string): string {
  const types = TYPES[engine];
  return sql.replace(/\b(BYTES|NUMBER|SERIAL)\b/g, (type) => types[type as keyof typeof types]);
}
