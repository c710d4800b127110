/** Half an installation says so with its exit code. */

import { FAKE_NOW, transcript } from '@assay/testing';
import { expect, test } from 'vitest';
import { CliError } from './errors.ts';
import { installLanes, type LaneInstall } from './lane-installs.ts';

const good = (lane: string): LaneInstall => ({ lane, install: async () => [`numpy for ${lane}`] });
const bad = (lane: string): LaneInstall => ({
  lane,
  install: () => Promise.reject(new CliError('cli/url-unreachable', 'cannot fetch numpy: ENOTFOUND; check the network')),
});

test.each<readonly [string, readonly LaneInstall[], number, string]>([
  ['both lanes', [good('native'), good('wasm')], 0, 'native: installed numpy for native\nwasm: installed numpy for wasm\n'],
  ['the first alone', [good('native'), bad('wasm')], 4, 'native: installed numpy for native\n'],
  ['the second alone', [bad('native'), good('wasm')], 4, 'wasm: installed numpy for wasm\n'],
  ['neither', [bad('native'), bad('wasm')], 4, ''],
])('%s', async (_, lanes, code, out) => {
  const io = transcript({ cwd: '/', now: FAKE_NOW });
  expect(await installLanes(lanes, io)).toBe(code);
  expect(io.out()).toBe(out);
  const failed = io.err().match(/^error: cannot fetch numpy.*\nhint: check the network\nhint: .*--lane (native|wasm)/gm);
  expect(failed?.length ?? 0).toBe(lanes.length - out.split('\n').length + 1);
});

test('the only lane ends in its own error', async () => {
  const io = transcript({ cwd: '/', now: FAKE_NOW });
  await expect(installLanes([bad('wasm')], io)).rejects.toMatchObject({ code: 'cli/url-unreachable' });
});
