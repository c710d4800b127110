/** The floor of API keys: days that a wrong clock named push nothing out, and what was looked at is kept at once. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { directory, NOW, run, start } from '../../../../tests/crash/test-ledger.ts';
import { KEY_FLOOR_FILE, KeyFloor } from './key-floor.ts';

const used = (requests: number) => ({ requests, tasks: 0, tokens: 0, bytes: 0 });
const kept = (place: string) => JSON.parse(readFileSync(join(place, KEY_FLOOR_FILE), 'utf8'));

test('days after today take no place of the days that are kept', () => {
  const place = directory();
  const opened = () => new KeyFloor(place, () => '2026-11-29').open();
  const first = opened();
  for (const day of ['2026-11-27', '2026-11-28', '2026-11-29', '2031-01-01', '2031-01-02']) first.saw(day, 'key', used(5));
  first.close();
  expect(Object.keys(kept(place).used)).toEqual(['2026-11-28', '2026-11-29']);
  expect(opened().used('2026-11-29', 'key')).toEqual(used(5));
});

test('a store without keys is looked through once: the size is kept before the first answer', async () => {
  const place = directory();
  const { ledger } = await start(place);
  await run(ledger, 'a');
  expect(await ledger.keys.any()).toBe(false);
  expect(kept(place)).toMatchObject({ generation: 0, size: 2 });
  expect(new KeyFloor(place, () => new Date(NOW).toISOString().slice(0, 10)).open().size).toBe(2);
});
