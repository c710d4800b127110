/** npm peers that Assay's own tests do not need: installed on demand, as pinned in npm/package-lock.json, and imported by path. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BUILD_DIRECTORY, leaveOut } from './program.ts';

const SOURCE = join(import.meta.dirname, 'npm');
const TARGET = join(BUILD_DIRECTORY, 'npm');
let installed: boolean | undefined;

function install(): boolean {
  const lock = 'package-lock.json';
  const current = (directory: string) => readFileSync(join(directory, lock), 'utf8');
  if (existsSync(join(TARGET, 'node_modules')) && current(TARGET) === current(SOURCE)) return true;
  mkdirSync(TARGET, { recursive: true });
  for (const file of ['package.json', lock]) copyFileSync(join(SOURCE, file), join(TARGET, file));
  try {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], { cwd: TARGET, stdio: 'ignore' });
    return true;
  } catch (error) {
    leaveOut('npm peers outside the workspace', error);
    return false;
  }
}

/** Path of a file of an installed package; `null` when they could not be installed. */
export function packageFile(path: string): string | null {
  installed ??= install();
  return installed ? join(TARGET, 'node_modules', path) : null;
}

/** A module of an installed package. */
export async function importPackage<Module>(path: string): Promise<Module | null> {
  const file = packageFile(path);
  return file === null ? null : ((await import(pathToFileURL(file).href)) as Module);
}
