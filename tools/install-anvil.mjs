// Installs anvil, the local chain of tests/operator, into .cache/anvil: 44 MB that a plain install does not need.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

const VERSION = '1.7.1';
const directory = new URL('../.cache/anvil/', import.meta.url).pathname;

mkdirSync(directory, { recursive: true });
writeFileSync(`${directory}package.json`, JSON.stringify({ private: true, dependencies: { '@foundry-rs/anvil': VERSION } }));
const { status } = spawnSync(
  'npm',
  ['install', '--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund', '--no-save'],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
