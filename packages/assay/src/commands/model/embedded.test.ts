/** Names of models: the near one for a slip or a part, all of them for anything else; the list has headings. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAKE_NOW, transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../command-line/program.ts';

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-model-names-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

describe('assay model', () => {
  test.each([
    ['fetch', 'qwen', 'did you mean qwen2.5-coder-0.5b?'],
    ['fetch', 'SmolLM', 'did you mean smollm2-135m?'],
    ['rm', 'smollm2-135n', 'did you mean smollm2-135m?'],
    ['fetch', 'gpt-9', 'name one of these'],
    ['fetch', 'm', 'name one of these'],
  ])('%s %s: %s', async (command, name, hint) => {
    const io = transcript({ cwd, now: FAKE_NOW });
    expect(await run(['model', command, name], io)).toBe(1);
    expect(io.err()).toMatch(/^error: expected one of qwen2\.5-coder-0\.5b, /);
    expect(io.err()).toContain(`\nhint: ${hint}\n`);
  });

  test('list names its columns, and what is here', async () => {
    const io = transcript({ cwd, now: FAKE_NOW });
    expect(await run(['model', 'list'], io)).toBe(0);
    const [head = '', ...rows] = io.out().trimEnd().split('\n');
    expect(head.trim().split(/ {2,}/)).toEqual(['here', 'name', 'model', 'size', 'licence']);
    expect(rows.length).toBeGreaterThan(2);
    for (const row of rows) expect(row).toMatch(/^ {2}no {4}\S/);
  });
});
