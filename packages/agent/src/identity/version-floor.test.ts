/** An agent that is older than the floor on its data directory or store is refused before it takes over keys; newer ones raise the floor, in the log. */

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { checkLog, openLedger, systemClock } from '@assay/ledger';
import { expectCode, expectRefusal } from '@assay/testing';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freshDatabase, HAS_POSTGRES } from '../../../../tests/postgres/server.ts';
import { parseConfig } from '../config.ts';
import { startAgent } from '../main.ts';
import { VERSION_FLOOR_FILE, VersionFloor } from './version-floor.ts';

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), 'assay-floor-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const floorIn = (directory: string): unknown => JSON.parse(readFileSync(join(directory, VERSION_FLOOR_FILE), 'utf8'));

/** Starts and stops an agent of a version; gives the receipts in which floors were raised, newest first. */
async function run(directory: string, version: string, floor?: string): Promise<readonly object[]> {
  const settings = { AGENT_PORT: '0', ASSAY_DATA_DIR: directory, AI_PROVIDER: 'recorded', ASSAY_VERSION_FLOOR: floor };
  const log = pino({ level: 'silent' });
  const agent = await startAgent(parseConfig(settings), { log, version });
  try {
    const { receipts } = (await (await fetch(`${agent.url}/api/receipts`)).json()) as {
      receipts: { receipt_id: string; task: string }[];
    };
    const raised = receipts.filter(({ task }) => task === 'version_floor').map(({ receipt_id: id }) => id);
    const events = raised.map(async (id) => {
      const receipt = (await (await fetch(`${agent.url}/v1/aci/receipts/${id}`)).json()) as { event_log: { type: string }[] };
      return receipt.event_log.find(({ type }) => type === 'version.floor-raised') ?? {};
    });
    return await Promise.all(events);
  } finally {
    await agent.close(0);
  }
}

test('versions come and go on one data directory', { timeout: 120_000 }, async () => {
  const directory = place();
  const first = expect.objectContaining({ version: '0.2.0', floor: '0.1.5', previous: null });
  expect(await run(directory, '0.2.0', '0.1.5')).toEqual([first]);
  expect(floorIn(directory)).toEqual({ v: 1, floor: '0.1.5' });
  expect(statSync(join(directory, VERSION_FLOOR_FILE)).mode & 0o777).toBe(0o600);
  await expectRefusal(run(directory, '0.1.4'), 'version/below-floor', ['run a newer one']);
  expect(await run(directory, '0.1.5')).toEqual([first]); // as the newer one allowed
  expect(await run(directory, '0.10.0')).toEqual([
    expect.objectContaining({ version: '0.10.0', floor: '0.10.0', previous: '0.1.5' }),
    first,
  ]);
  expect(floorIn(directory)).toEqual({ v: 1, floor: '0.10.0' });
  await expectRefusal(run(directory, '0.9.9'), 'version/below-floor', ['run a newer one']);
  // A setting lowers nothing, and neither does a file that is gone: the log has it.
  expect(await run(directory, '0.10.1', '0.1.0')).toHaveLength(2);
  rmSync(join(directory, VERSION_FLOOR_FILE));
  await expectRefusal(run(directory, '0.9.9'), 'version/below-floor', ['run a newer one']);
});

/** Changes the store in SQL; gives what a query finds. */
function sql(directory: string, text: string): readonly unknown[] {
  const db = new DatabaseSync(join(directory, 'log.db'));
  try {
    return db.prepare(text).all();
  } finally {
    db.close();
  }
}

const FLOOR_ROWS = "FROM state WHERE collection = 'version-floor'";

test('a floor is sound from the first one on, and a store that says another is not', { timeout: 120_000 }, async () => {
  const directory = place();
  const problems = async () => (await checkLog({ directory })).problems.map(({ what }) => what);
  await run(directory, '0.1.0');
  expect(await problems()).toEqual([]);
  sql(directory, `CREATE TABLE older AS SELECT * ${FLOOR_ROWS}`);
  sql(directory, `DELETE ${FLOOR_ROWS}`);
  expect(await problems()).toEqual(['the version floor is missing in the state and 0.1.0 in the log']);
  sql(directory, 'INSERT INTO state SELECT * FROM older');
  await run(directory, '0.2.0');
  expect(await problems()).toEqual([]);
  sql(directory, `DELETE ${FLOOR_ROWS}`);
  expect(await problems()).toEqual(['the version floor is missing in the state and 0.2.0 in the log']);
  sql(directory, 'INSERT INTO state SELECT * FROM older');
  expect(await problems()).toEqual(['the version floor is 0.1.0 in the state and 0.2.0 in the log']);
  // The next start puts it right, in the log.
  expect(await run(directory, '0.3.0', '0.1.0')).toContainEqual(
    expect.objectContaining({ version: '0.3.0', floor: '0.2.0', previous: '0.2.0' }),
  );
  sql(directory, 'DROP TABLE older');
  expect(await problems()).toEqual([]);
  sql(directory, "UPDATE receipts SET task = 'execute' WHERE task = 'version_floor'");
  expect(await problems()).toContain('the receipt stands under the task of another');
});

test.each([
  ['first', ['1.0.0']],
  ['raised', ['0.9.0', '1.0.0']],
])('a %s floor outlives its file and its row', { timeout: 120_000 }, async (_name, versions) => {
  const directory = place();
  for (const version of versions) await run(directory, version);
  rmSync(join(directory, VERSION_FLOOR_FILE));
  sql(directory, `DELETE ${FLOOR_ROWS}`);
  await expectRefusal(run(directory, '0.9.9'), 'version/below-floor', ['1.0.0', 'run a newer one']);
});

const opened = async (directory: string, databaseUrl: string | null = null) => {
  const ledger = await openLedger({ directory, databaseUrl, clock: systemClock });
  onTestFinished(() => ledger.close());
  return ledger;
};

/** What an agent does before it uses a key; it ends after that. */
async function begin(directory: string, version: string, databaseUrl: string | null = null): Promise<void> {
  const floor = new VersionFloor({ directory, version, floor: null });
  floor.refuseBelowDirectory();
  await floor.refuseBelowStore(await opened(directory, databaseUrl));
}

test('a first start that ends before a key is made leaves its floor in the directory', async () => {
  const directory = join(place(), 'not-there');
  new VersionFloor({ directory, version: '2.0.0', floor: null }).refuseBelowDirectory();
  expect(floorIn(directory)).toEqual({ v: 1, floor: '2.0.0' });
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  await expectRefusal(run(directory, '1.0.0'), 'version/below-floor', ['2.0.0', 'run a newer one']);
  expect(existsSync(join(directory, 'data-key.json'))).toBe(false);
});

test('a first start that ends before it can log leaves its floor in the store, too, and the next one logs it', {
  timeout: 120_000,
}, async () => {
  const directory = place();
  const floor = new VersionFloor({ directory, version: '2.0.0', floor: null });
  floor.refuseBelowDirectory();
  const ledger = await openLedger({ directory, databaseUrl: null, clock: systemClock });
  await floor.refuseBelowStore(ledger);
  await ledger.close();
  rmSync(join(directory, VERSION_FLOOR_FILE));
  await expectRefusal(run(directory, '1.9.0'), 'version/below-floor', ['the store', '2.0.0', 'run a newer one']);
  rmSync(join(directory, VERSION_FLOOR_FILE)); // that of 1.9.0
  expect(await run(directory, '2.0.0')).toEqual([expect.objectContaining({ floor: '2.0.0', previous: null })]);
  expect((await checkLog({ directory })).problems).toEqual([]);
});

test.skipIf(!HAS_POSTGRES)('agents of two versions on a fresh PostgreSQL store are told apart before keys', async () => {
  const { url: databaseUrl, drop } = await freshDatabase();
  onTestFinished(drop);
  const [newer, older] = [place(), place()];
  await begin(newer, '2.0.0', databaseUrl);
  for (const file of ['log-key.json', 'data-key.json']) cpSync(join(newer, file), join(older, file));
  await expectRefusal(begin(older, '1.0.0', databaseUrl), 'version/below-floor', ['the store', '2.0.0']);
});

test('an upgrade whose directory is in use leaves the floor that stands', async () => {
  const directory = place();
  await begin(directory, '1.0.0');
  await expectRefusal(run(directory, '2.0.0'), 'ledger/in-use', ['ASSAY_DATA_DIR']);
  expect(floorIn(directory)).toEqual({ v: 1, floor: '1.0.0' });
});

test.each([
  ['pre-release', '1.2.3-rc.1', undefined],
  ['name', 'next', '1.0.0'],
])(
  'a %s as a version leaves no trace on the store that the release then opens',
  { timeout: 120_000 },
  async (_name, version, floor) => {
    const directory = place();
    await expectRefusal(run(directory, version, floor), 'config/bad-value', ['three numbers', 'run a release']);
    expect(await run(directory, '1.2.3')).toEqual([expect.objectContaining({ floor: '1.2.3', previous: null })]);
  },
);

test('a floor in the file stops an agent before it reads a key', async () => {
  const directory = place();
  writeFileSync(join(directory, VERSION_FLOOR_FILE), '{"v":1,"floor":"99.0.0"}');
  writeFileSync(join(directory, 'data-key.json'), 'never read', { mode: 0o600 });
  await expectRefusal(run(directory, '0.1.0'), 'version/below-floor', ['run a newer one']);
});

test.each([
  ['no JSON', '0.1.0'],
  ['no version', '{"v":1,"floor":"newest"}'],
  ['a form of a later version', '{"v":2,"floor":"0.1.0"}'],
  ['a long file', `{"v":1,"floor":"0.1.0"}${' '.repeat(2000)}`],
])('a file that is %s is not passed over', async (_name, text) => {
  const directory = place();
  writeFileSync(join(directory, VERSION_FLOOR_FILE), text);
  const floor = new VersionFloor({ directory, version: '0.1.0', floor: null });
  await expectRefusal(async () => floor.refuseBelowDirectory(), 'config/unreadable', ['restore it from a backup']);
});

test('a floor above the own version is a mistake in the settings', async () => {
  const make = () => new VersionFloor({ directory: place(), version: '1.0.0', floor: '1.0.1' });
  await expectRefusal(make, 'config/bad-value', ['ASSAY_VERSION_FLOOR', 'got 1.0.1']);
});

test('a directory that cannot be made or written is a coded error', async () => {
  const directory = place();
  const file = join(directory, 'a-file');
  writeFileSync(file, '');
  const begin = (where: string) => async () =>
    new VersionFloor({ directory: where, version: '1.0.0', floor: null }).refuseBelowDirectory();
  await expectCode(begin(join(file, 'data')), 'ledger/unavailable');
  mkdirSync(join(directory, `${VERSION_FLOOR_FILE}.${process.pid}.new`));
  await expectCode(begin(directory), 'ledger/unavailable');
});

test('an upgrade of a store that has a floor agrees on no other', async () => {
  const directory = place();
  expect(await run(directory, '1.0.0')).toHaveLength(1);
  const ledger = await opened(directory);
  const agree = vi.spyOn(ledger.coordination, 'agree');
  await new VersionFloor({ directory, version: '2.0.0', floor: null }).refuseBelowStore(ledger);
  expect(agree).not.toHaveBeenCalled();
});
