/** The places that AGENTS.md names for new things are there, so that its table leads where it says. */

import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const ROOT = new URL('../..', import.meta.url).pathname;
const page = readFileSync(`${ROOT}AGENTS.md`, 'utf8');
const [, section = ''] = page.split('## Where a new thing goes');
const rows = (section.split('\n## ')[0] ?? '')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (?:you add|-)/.test(line));

/** The folder that every one of its kind stands in, of `tasks/<task>/`: tasks. */
function placesIn(row: string): readonly string[] {
  const [package_ = ''] = /`(?:packages\/)?([a-z-]+)\/(?:src|models)\b/.exec(row)?.slice(1) ?? [];
  return [...row.matchAll(/`([^`]+)`/g)].flatMap(([, text = '']) => {
    const path = text.replace(/<[a-z]+>.*$/, '');
    if (!path.includes('/') || /[ (]|^\/openapi/.test(text)) return [];
    const candidates = [path, `packages/${path}`, `packages/${package_}/src/${path}`];
    return [candidates.find((candidate) => existsSync(`${ROOT}${candidate}`)) ?? `missing: ${text}`];
  });
}

test.each(['a TEE to verify', 'a TEE to attest from', 'a task', 'a model provider', 'a sandbox lane', 'a store'])(
  'the table says where %s goes',
  (what) => expect(rows.some((row) => row.startsWith(`| ${what} `))).toBe(true),
);

test.each(rows.map((row) => [row.split('|')[1]?.trim() ?? '', row] as const))('%s', (_, row) => {
  const places = placesIn(row);
  expect(places.length).toBeGreaterThan(0);
  expect(places.filter((place) => place.startsWith('missing'))).toEqual([]);
});
