// Installs what tests/contracts/sourcify-oracle.test.ts is held against and a plain install does not need, into .cache/sourcify: Sourcify's library
// (MIT, 62 MB). It is an oracle of tests only.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

// compilers-types: the library needs it and does not name it
const dependencies = { '@ethereum-sourcify/lib-sourcify': '3.4.0', '@ethereum-sourcify/compilers-types': '1.0.7' };
const directory = new URL('../.cache/sourcify/', import.meta.url).pathname;

mkdirSync(directory, { recursive: true });
writeFileSync(`${directory}package.json`, JSON.stringify({ private: true, dependencies }));
const { status } = spawnSync('npm', ['install', '--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund'], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
