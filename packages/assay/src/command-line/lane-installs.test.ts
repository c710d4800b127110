/** Each lane that failed says so, with its own exit code. */

import { FAKE_NOW, transcript } from '@assay/testing';
import { expect, test } from 'vitest';
import { CliError } from './errors.ts';
import { installLanes, type LaneInstall, standingOf } from './lane-installs.ts';

const good = (lane: string): LaneInstall => ({ lane, install: async () => [`numpy for ${lane}`] });
const bad = (lane: string): LaneInstall => ({
  lane,
  install: () => Promise.reject(new CliError('cli/url-unreachable', 'cannot fetch numpy: ENOTFOUND; check the network')),
});

test.each<readonly [string, readonly LaneInstall[], object, string]>([
  ['both lanes', [good('native'), good('wasm')], {}, 'native: installed numpy for native\nwasm: installed numpy for wasm\n'],
  ['the first alone', [good('native'), bad('wasm')], { wasm: 4 }, 'native: installed numpy for native\n'],
  ['the second alone', [bad('native'), good('wasm')], { native: 4 }, 'wasm: installed numpy for wasm\n'],
  ['neither', [bad('native'), bad('wasm')], { native: 4, wasm: 4 }, ''],
])('%s', async (_, lanes, failed, out) => {
  const io = transcript({ cwd: '/', now: FAKE_NOW });
  expect(Object.fromEntries(await installLanes(lanes, io))).toEqual(failed);
  expect(io.out()).toBe(out);
  const said = io.err().match(/^error: cannot fetch numpy.*\nhint: check the network\nhint: .*--lane (native|wasm)/gm);
  expect(said?.length ?? 0).toBe(lanes.length - out.split('\n').length + 1);
});

test('the only lane ends in its own error', async () => {
  const io = transcript({ cwd: '/', now: FAKE_NOW });
  await expect(installLanes([bad('wasm')], io)).rejects.toMatchObject({ code: 'cli/url-unreachable' });
});

test.each<readonly [string, Parameters<typeof standingOf>[0], number, RegExp]>([
  ['all installed', { lane: 'linux-ns', isReady: true, failures: new Map() }, 0, /^ready$/],
  ['the lane that the agent takes', { lane: 'linux-ns', isReady: true, failures: new Map([['wasm', 4]]) }, 0, /^ready .*wasm/],
  ['only another lane', { lane: 'linux-ns', isReady: false, failures: new Map([['native', 4]]) }, 4, /^not ready$/],
  [
    'packages of an earlier installation only',
    { lane: 'wasm', isReady: true, failures: new Map([['wasm', 4]]) },
    4,
    /^not ready$/,
  ],
  [
    'another lane, as it was asked',
    { lane: 'landlock', isReady: false, failures: new Map() },
    0,
    /^installed for another lane$/,
  ],
])('ready is %s', (_, chosen, code, words) => {
  expect(standingOf(chosen)).toEqual({ code, words: expect.stringMatching(words) });
});
