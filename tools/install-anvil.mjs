// Installs what tests/operator is held against and a plain install does not need, into .cache/anvil: anvil, a local chain (44 MB), and the
// SDK of A2A, which checks agent cards.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

const dependencies = { '@foundry-rs/anvil': '1.7.1', '@a2a-js/sdk': '1.3.0' };
const directory = new URL('../.cache/anvil/', import.meta.url).pathname;

mkdirSync(directory, { recursive: true });
writeFileSync(`${directory}package.json`, JSON.stringify({ private: true, type: 'module', dependencies }));
const { status } = spawnSync('npm', ['install', '--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund'], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
