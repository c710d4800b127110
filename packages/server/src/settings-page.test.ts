/** docs/settings.md and the agent know the same settings: what is documented is in force, and what is in force is documented. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseConfig } from './config.ts';

const PAGE = readFileSync(new URL('../../../docs/settings.md', import.meta.url), 'utf8');
const OWN = /^(?:ASSAY|AGENT|AI)_/;

const documented = [...PAGE.matchAll(/^\| (`[A-Z].*?) \|/gm)]
  .flatMap(([, cell]) => [...(cell ?? '').matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name]) => name ?? ''))
  .filter((name) => OWN.test(name));

/** Every name that is looked up, whatever the other values. */
const read = new Set<string>();
parseConfig(new Proxy({}, { get: (_, name) => void read.add(String(name)) }));

test('the page and the agent name the same settings', () => {
  expect([...read].filter((name) => OWN.test(name)).sort()).toEqual([...documented].sort());
});

describe.each(documented.filter((name) => name.startsWith('ASSAY_')))('%s', (name) => {
  test('is not reported as unknown, and one letter off it is', () => {
    const typo = name.replace(/.$/, '0');
    expect(warningsFor(name)).toEqual([]);
    expect(warningsFor(typo)).toEqual([`${typo} is not a setting of this agent; see docs/settings.md for the names`]);
  });
});

/** An empty value is as good as none, so that one test holds for settings of every form. */
function warningsFor(name: string): readonly string[] {
  return parseConfig({ [name]: '' }).warnings;
}
