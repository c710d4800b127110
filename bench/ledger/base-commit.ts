/** The commit that issue figures are held against, made ready in a cache of the checkout: its files and its dependencies; it runs from source. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export const BASE_COMMIT = '92c7dac';
const ROOT = new URL('../..', import.meta.url).pathname;

/** The directory of the base commit; the first call needs git's history and the npm registry. */
export function baseCommit(): string {
  const place = join(ROOT, '.cache', `bench-${BASE_COMMIT}`);
  if (existsSync(place)) return place;
  const making = `${place}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    const files = execFileSync('git', ['archive', BASE_COMMIT], { cwd: ROOT, maxBuffer: 256 * 1024 * 1024 });
    execFileSync('tar', ['-x'], { cwd: making, input: files });
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: making,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    renameSync(making, place);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return place;
}
