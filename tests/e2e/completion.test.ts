/** Completion for shells: the scripts are valid, and what they ask on TAB is answered from the commands as they are. */

import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const MAIN = new URL('../../packages/assay/src/command-line/main.ts', import.meta.url).pathname;
const call = promisify(execFile);
const assay = async (...args: readonly string[]): Promise<string> =>
  (await call(process.execPath, ['--conditions=@assay/source', MAIN, ...args])).stdout;

function has(shell: string): boolean {
  try {
    execFileSync(shell, ['-c', ':'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('assay completion', () => {
  it.each(['bash', 'zsh', 'fish'])('%s', async (shell) => {
    const script = await assay('completion', shell);
    expect(script).toMatch(/assay/);
    expect(script).toMatch(/complete/);
    if (has(shell)) execFileSync(shell, ['-n'], { input: script });
  });

  it.each<readonly [readonly string[], RegExp]>([
    [['ver'], /^verify\t.*\n(?:.*\n)*:/],
    [['verify', '--po'], /^--policy\t/],
    [['policy', 'ex'], /^explain\t/],
    [['sandbox', 'install', '--lane', ''], /^native(?:.*\n)+wasm/],
    [['run', '--sa'], /^--save\t/],
  ])('complete -- %j', async (words, expected) => {
    expect(await assay('complete', '--', ...words)).toMatch(expected);
  });
});
