/** docs/settings.md shows the settings that are in force: `npx vitest run packages/agent/src/settings -u` writes its table again. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config.ts';
import { AGENT_SETTINGS } from './agent-settings.ts';
import { settingsPage } from './settings-page.ts';

const PAGE = new URL('../../../../docs/settings.md', import.meta.url).pathname;

test('the page is what the table prints', async () => {
  await expect(settingsPage(readFileSync(PAGE, 'utf8'), AGENT_SETTINGS)).toMatchFileSnapshot(PAGE);
});

test.each(['no table', '| a |\n\n| b |'])('a page without exactly one table is refused: %j', (page) => {
  expect(() => settingsPage(page, AGENT_SETTINGS)).toThrow('expected a page with one table');
});

describe.each(Object.keys(AGENT_SETTINGS).filter((name) => name.startsWith('ASSAY_')))('%s', (name) => {
  test('is not reported as unknown, and one letter off it is', () => {
    const typo = name.replace(/.$/, '0');
    expect(warningsFor(name)).toEqual([]);
    expect(warningsFor(typo)).toEqual([`${typo} is not a setting of this agent; see docs/settings.md for the names`]);
  });
});

test('no row can break the table or say nothing', () => {
  for (const { accepts, byDefault, doc } of Object.values(AGENT_SETTINGS))
    for (const cell of [accepts, byDefault, doc]) expect(cell).toMatch(/^[^|\n]+$/);
});

/** An empty value is as good as none, so that one test holds for settings of every form. */
function warningsFor(name: string): readonly string[] {
  return parseConfig({ [name]: '' }).warnings;
}
