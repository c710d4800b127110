/**
 * A real PostgreSQL for tests: started from the machine's own programs, in a directory of its own, as a user of its own when the tests run as
 * root, reached over a socket there. `ASSAY_TEST_DATABASE_URL` names one to be used instead. Each test gets a database of its own.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const GIVEN = process.env.ASSAY_TEST_DATABASE_URL ?? null;
const ROLE = 'assay';

/** The directory of `initdb` and `postgres`; `null` when they are not installed. */
const PROGRAMS = globSync('/usr/lib/postgresql/*/bin/').sort().at(-1) ?? null;

/** Whether tests on PostgreSQL can run here. Says loudly when not. */
export const HAS_POSTGRES: boolean = GIVEN !== null || (PROGRAMS !== null && existsSync(join(PROGRAMS, 'initdb')));

if (!HAS_POSTGRES)
  process.stderr.write(
    'LEFT OUT: tests on PostgreSQL need its server (apt-get install postgresql) or ASSAY_TEST_DATABASE_URL\n',
  );

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** The user that the server runs as: it refuses to run as root. */
export function postgresUser(): Identity {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export class PostgresServer {
  readonly #directory: string;
  readonly #identity: Identity;
  #process: ChildProcess | null = null;

  private constructor(directory: string, user: Identity) {
    this.#directory = directory;
    this.#identity = user;
  }

  /** @param initialised - more words for `initdb`. */
  static async start(settings: readonly string[] = [], initialised: readonly string[] = []): Promise<PostgresServer> {
    if (PROGRAMS === null) throw new Error('PostgreSQL is not installed');
    const directory = mkdtempSync(join(tmpdir(), 'assay-pg-'));
    chmodSync(directory, 0o700);
    const user = postgresUser();
    if (user.uid !== undefined && user.gid !== undefined) chownSync(directory, user.uid, user.gid);
    execFileSync(
      join(PROGRAMS, 'initdb'),
      ['-D', join(directory, 'db'), '-U', ROLE, '-A', 'trust', '-E', 'UTF8', '--no-sync', ...initialised],
      {
        ...user,
        cwd: directory,
        stdio: 'pipe',
        env: { LC_ALL: 'C', PATH: process.env.PATH },
      },
    );
    const server = new PostgresServer(directory, user);
    await server.run(settings);
    return server;
  }

  /** Starts the server's process, after a kill too. */
  async run(settings: readonly string[] = []): Promise<void> {
    const args = ['-D', join(this.#directory, 'db'), '-k', this.#directory, '-c', 'listen_addresses='];
    const more = ['shared_buffers=32MB', 'max_connections=60', 'logging_collector=off', ...settings].flatMap((each) => [
      '-c',
      each,
    ]);
    this.#process = spawn(join(PROGRAMS ?? '', 'postgres'), [...args, ...more], {
      ...this.#identity,
      cwd: this.#directory,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { LC_ALL: 'C', PATH: process.env.PATH },
    });
    let said = '';
    this.#process.stderr?.on('data', (chunk) => {
      said = `${said}${String(chunk)}`.slice(-4_000);
    });
    for (const end = Date.now() + 30_000; ; await sleep(20)) {
      const client = new pg.Client({ connectionString: this.url('postgres') });
      client.on('error', () => undefined);
      try {
        await client.connect();
        await client.end();
        return;
      } catch (cause) {
        if (Date.now() > end || this.#process.exitCode !== null)
          throw new Error(`PostgreSQL did not start: ${said}`, { cause });
      }
    }
  }

  /** Runs statements in its first database, in turn. */
  async administer(...statements: readonly string[]): Promise<void> {
    const client = new pg.Client({ connectionString: this.url('postgres') });
    await client.connect();
    try {
      for (const sql of statements) await client.query(sql);
    } finally {
      await client.end();
    }
  }

  /** Whether the server's process is there. */
  get runs(): boolean {
    const child = this.#process;
    return child !== null && child.exitCode === null && child.signalCode === null;
  }

  url(database: string): string {
    return `postgres://${ROLE}@localhost/${database}?host=${encodeURIComponent(this.#directory)}`;
  }

  /** The socket that clients connect to. */
  get socket(): string {
    return join(this.#directory, '.s.PGSQL.5432');
  }

  /** Ends the server: `SIGQUIT` at once, as a crash; `SIGINT` in order. */
  async end(signal: 'SIGQUIT' | 'SIGINT' = 'SIGQUIT'): Promise<void> {
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** SIGKILL to the server and to each of its processes, as when the machine's memory is out. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined) return;
    const own = execFileSync('ps', ['-o', 'pid=', '--ppid', String(child.pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/)
      .map(Number);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    for (const pid of own) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it ended by itself
      }
    }
    await exited;
  }

  /** The server's files. */
  get files(): string {
    return join(this.#directory, 'db');
  }

  /** Puts a copy in the place of the files of a server that has ended. */
  restore(copy: string): void {
    rmSync(this.files, { recursive: true });
    cpSync(copy, this.files, { recursive: true, preserveTimestamps: true });
    chmodSync(this.files, 0o700);
    const { uid, gid } = this.#identity;
    if (uid !== undefined) execFileSync('chown', ['-R', `${uid}:${gid}`, this.files]);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

let shared: Promise<PostgresServer> | null = null;
process.once('exit', () => {
  for (const remove of removals) remove();
});
const removals: (() => void)[] = [];

async function sharedUrl(database: string): Promise<string> {
  if (GIVEN !== null) return Object.assign(new URL(GIVEN), { pathname: `/${database}` }).href;
  shared ??= PostgresServer.start().then((server) => {
    removals.push(() => {
      void server.end();
      server.remove();
    });
    return server;
  });
  return (await shared).url(database);
}

/** Runs one statement in the server's own database. */
async function administer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: GIVEN ?? (await sharedUrl('postgres')) });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A fresh, empty database. */
export async function freshDatabase(): Promise<TestDatabase> {
  const name = `assay_${randomBytes(6).toString('hex')}`;
  await administer(`CREATE DATABASE ${name}`);
  return { url: await sharedUrl(name), drop: () => administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** Runs SQL in a database of a test, with the agent's tables in reach. */
export async function runSql(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SET search_path = assay');
    return (await client.query(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}
