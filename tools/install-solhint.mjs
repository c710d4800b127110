// Installs solhint as its own users have it, from the lock file of the linter of audits, into node_modules/.cache/assay-tests/solhint. An oracle of
// tests/contracts/lint-task.test.ts only.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LINTER = fileURLToPath(new URL('../packages/agent/linter', import.meta.url));
const FOLDER = fileURLToPath(new URL('../node_modules/.cache/assay-tests/solhint', import.meta.url));

/** The folder; it has its name only when all of it is there. */
export function installSolhint() {
  if (existsSync(join(FOLDER, 'node_modules/solhint/package.json'))) return FOLDER;
  mkdirSync(dirname(FOLDER), { recursive: true });
  const work = mkdtempSync(`${FOLDER}.building-`);
  try {
    cpSync(LINTER, work, { recursive: true });
    execFileSync('npm', ['ci', '--silent', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: work });
    rmSync(FOLDER, { recursive: true, force: true });
    renameSync(work, FOLDER);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return FOLDER;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) installSolhint();
