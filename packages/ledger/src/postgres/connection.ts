/**
 * Connections to PostgreSQL: what every session of the agent sets and asserts, and what the server's errors mean. The URL may carry a
 * password, so no message repeats it.
 */

import type pg from 'pg';
import { LedgerError } from '../errors.ts';

const BYTEA = 17;
const INT8 = 20;
/** Whole numbers of 64 bits come as numbers, because everything stored is below 2^53; bytes without Node's own methods. */
const PARSERS = new Map<number, (text: string) => unknown>([
  [INT8, Number],
  [BYTEA, (text) => new Uint8Array(Buffer.from(text.slice(2), 'hex'))],
]);
/** Oldest major version that the statements are tested against. */
const LEAST_SERVER = 140_000;
/** A transaction that says nothing for so long is ended by the server, so that a frozen agent holds no lock. */
const IDLE_IN_TRANSACTION_MS = 5_000;
const STATEMENT_MS = 60_000;
const LOCK_MS = 15_000;
const CONNECT_MS = 10_000;
const MOST_READERS = 8;

/** The schema that holds every table of the agent. */
export const SCHEMA = 'assay';

const SESSION = `SET search_path = ${SCHEMA}; SET synchronous_commit = on; SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}; SET statement_timeout = ${STATEMENT_MS}; SET lock_timeout = ${LOCK_MS}`;

type Driver = typeof pg;

/** Loaded with the first connection, so that agents with the embedded store start without it. */
async function loadDriver(): Promise<Driver> {
  return (await import('pg')).default;
}

function settings(url: string, { types }: Driver) {
  return {
    connectionString: url,
    application_name: 'assay',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    types: {
      getTypeParser: ((oid: number, format: 'text' | 'binary') =>
        PARSERS.get(oid) ?? types.getTypeParser(oid, format)) as typeof types.getTypeParser,
    },
  };
}

/**
 * One connection, with the session set. The caller ends it.
 * @throws {LedgerError} `ledger/unavailable`, `ledger/bad-database-url`.
 */
export async function connect(url: string): Promise<pg.Client> {
  assertUrl(url);
  const driver = await loadDriver();
  const client = new driver.Client(settings(url, driver));
  client.on('error', () => undefined); // the query that waits for the connection says it
  try {
    await client.connect();
    await client.query(SESSION);
    return client;
  } catch (cause) {
    await client.end().catch(() => undefined);
    throw databaseError(cause);
  }
}

/** Connections for reading and for operations of rooms. */
export async function openPool(url: string): Promise<pg.Pool> {
  assertUrl(url);
  const driver = await loadDriver();
  const pool = new driver.Pool({
    ...settings(url, driver),
    max: MOST_READERS,
    onConnect: async (client) => {
      await client.query(SESSION);
    },
  });
  pool.on('error', () => undefined); // an idle connection that broke; the next query opens another
  // One that is in use and breaks between two queries: the next query says it. Unheard, the error would end the process.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return pool;
}

/**
 * That the server keeps what it acknowledges, and is one that was tested.
 * @throws {LedgerError} `ledger/unavailable`.
 */
export async function assertDurable(client: pg.Client): Promise<void> {
  const { rows } = await client.query(
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'server_version_num')",
  );
  const found = new Map(rows.map(({ name, setting }) => [String(name), String(setting)]));
  const refused = (expected: string, got: string) =>
    new LedgerError(
      'ledger/unavailable',
      `expected ${expected} in PostgreSQL, got ${got}; a log must not lose what it acknowledged`,
    );
  for (const name of ['fsync', 'full_page_writes', 'synchronous_commit'])
    if (found.get(name) !== 'on') throw refused(`${name} = on`, found.get(name) ?? 'nothing');
  if (Number(found.get('server_version_num')) < LEAST_SERVER)
    throw refused('version 14 or newer', String(found.get('server_version_num')));
}

const FULL = '53100';

/** The coded error of what a query threw; coded ones as they are. */
export function databaseError(cause: unknown): LedgerError {
  if (LedgerError.is(cause)) return cause;
  const { code } = cause as { readonly code?: unknown };
  if (code === FULL)
    return new LedgerError(
      'ledger/full',
      'the disk of the database is full, nothing was written; free space and send the request again',
      { cause },
    );
  const word = typeof code === 'string' ? code : 'no code';
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new LedgerError(
    'ledger/unavailable',
    `PostgreSQL failed (${word}: ${detail.slice(0, 200)}); check the server, then send the request again`,
    {
      cause,
    },
  );
}

function assertUrl(url: string): void {
  let protocol = '';
  try {
    ({ protocol } = new URL(url));
  } catch {
    // said below
  }
  if (protocol !== 'postgres:' && protocol !== 'postgresql:')
    throw new LedgerError(
      'ledger/bad-database-url',
      'expected DATABASE_URL like postgres://user:password@host:5432/name, got another form; set it so',
    );
}
