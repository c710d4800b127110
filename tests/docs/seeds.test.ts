/** docs/seeds.md: every route, setting, command, file and name in its middle column exists, and so does every test in its last. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { transcript } from '@assay/testing';
import * as sdk from 'assay';
import { describe, expect, it } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

const ROOT = new URL('../../', import.meta.url);
const page = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const API = page('docs/api.md');
const SETTINGS = page('docs/settings.md');

const rows = [...page('docs/seeds.md').matchAll(/^\| (.+) \| (.+) \| (\S+\.test\.ts) \|$/gm)].map(
  ([, there = '', here = '', test = '']) => ({ there, here, test }),
);
const named = (pattern: RegExp): readonly string[] => [
  ...new Set(rows.flatMap(({ here }) => [...here.matchAll(pattern)].map(([, name = '']) => name))),
];

it('has a row for every thing that an origin names', () => {
  expect(rows.length).toBeGreaterThan(50);
  expect(page('docs/seeds.md').match(/^\| .+ \|$/gm)).toHaveLength(rows.length + 2 * 5);
});

it.each(rows)('$there is tested', ({ test }) => {
  expect(existsSync(new URL(test, ROOT)), test).toBe(true);
});

describe('what is here exists', () => {
  it.each(named(/`((?:GET|POST|DELETE) \/[^`]*)`/g))('the route %s', (route) => {
    expect(API).toContain(`| \`${route}\``);
  });

  it.each(named(/`([A-Z][A-Z_]{5,})`/g))('the setting %s', (name) => {
    expect(SETTINGS).toContain(`| \`${name}\` |`);
  });

  it.each(named(/`assay ((?:policy|model) [a-z-]+|[a-z-]+)[^`]*`/g))('the command %s', async (command) => {
    const io = transcript({ cwd: ROOT.pathname, now: 0 });
    expect(await run([...command.split(' '), '--help'], io), io.err()).toBe(0);
    expect(io.out()).toContain(`Usage: assay ${command}`);
  });

  it.each(named(/`((?:packages|docs|deploy)\/[^`]+|Makefile)`/g))('the file %s', (file) => {
    expect(existsSync(new URL(file, ROOT))).toBe(true);
  });

  it.each(named(/class `([A-Za-z]+)`/g))('the name %s of the SDK', (name) => {
    expect(typeof (sdk as Readonly<Record<string, unknown>>)[name]).toMatch(/^(?:function|object)$/);
  });
});

it('the table of models names those of the guide', () => {
  const guide = page('docs/code-generation.md');
  for (const model of ['gemma3:4b', 'phala/deepseek-chat-v3-0324', 'phala/gpt-oss-120b', 'phala/llama-3.3-70b'])
    expect(guide).toContain(`\`${model}\``);
});

/** Names in the origins: files, settings, addresses, options, members, classes, functions, metrics. */
const NAMES = [
  /\b([a-z_-]{3,}\.(?:py|sh|pem|txt))\b/g,
  /(?:^|export )([A-Z][A-Z_]{3,})=/gm,
  /getenv\("([A-Z_]+)"/g,
  /\b(?:GET|POST) (\/[a-z][a-z0-9/_-]+)/g,
  /(?:localhost:8000|127\.0\.0\.1:7047|tee_endpoint\})(\/[a-z0-9/_-]+)/g,
  /(?<=\s)(--(?:ref|cand|tee|enable|attestation|dry|provider|port)[a-z-]*)/g,
  /"([a-zA-Z_]{3,})":/g,
  /^\s+([a-zA-Z]+)=(?:output|attestation|"phala"|datetime|info|\{)/gm,
  /\bclass ([A-Z]\w+)/g,
  /\b([A-Z][a-z]\w+|[A-Z]{2,}[a-z]\w+)[.(]/g,
  /\bdef ([a-z_]{4,})\(/g,
  /log_metric\("([a-z_.]+)"/g,
];
/** Of other libraries, of examples, and of tools in the text of a model. */
const OTHERS =
  /^(?:network|rpc|Authorization|principal|rate|years|formula|params|headers|AsyncClient|JsonRpcProvider|SecurityError|role|content|function|parameters|properties|location|unit|enum|required|input|sgx|Exception|__init__|missing\.txt|prompt_openrouter|instance)$/;
const SEEDS = new URL('../shared/seeds/', ROOT);
const present = existsSync(SEEDS);
if (!present) console.warn('left out: the names in the origins, because ../shared/seeds is not there');

it.skipIf(!present)('every name in an origin has a row', () => {
  const found = new Set(rows.flatMap(({ there }) => [...there.matchAll(/[A-Za-z0-9_./-]+/g)].map(([name]) => name)));
  const known = (name: string): boolean =>
    [...found].some((each) => each === name || each.endsWith(`/${name}`) || each.startsWith(`${name}.`));
  const wanted = readdirSync(SEEDS).flatMap((file) => {
    const text = readFileSync(new URL(file, SEEDS), 'utf8').replaceAll('\r', '');
    return NAMES.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name = '']) => name));
  });
  expect(wanted.length).toBeGreaterThan(150);
  expect([...new Set(wanted)].filter((name) => !OTHERS.test(name) && !known(name))).toEqual([]);
});
