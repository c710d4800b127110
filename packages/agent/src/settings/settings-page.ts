/** The table of docs/settings.md. The page's own sentences stand around it and are written by hand. */

import type { SettingTable } from './read-settings.ts';
import { code } from './setting.ts';

const HEAD = ['| setting | values | default | meaning |', '| --- | --- | --- | --- |'];

/** The settings as a Markdown table, one row each, in the order of the table. */
export function settingsTable(settings: SettingTable): string {
  const rows = Object.entries(settings).map(
    ([name, { accepts, byDefault, doc }]) => `| ${code(name)} | ${accepts} | ${byDefault} | ${doc} |`,
  );
  return [...HEAD, ...rows].join('\n');
}

/**
 * The page with its table written again from `settings`.
 * @throws {RangeError} when the page has no table or more than one.
 */
export function settingsPage(page: string, settings: SettingTable): string {
  const parts = page.split(/^\|.*\|$(?:\n^\|.*\|$)*/m);
  const [before, after, ...others] = parts;
  if (before === undefined || after === undefined || others.length > 0)
    throw new RangeError(`expected a page with one table, got ${parts.length - 1}; keep the prose free of tables`);
  return `${before}${settingsTable(settings)}${after}`;
}
