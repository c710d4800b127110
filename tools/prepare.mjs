// Runs after `npm install`: compiles the packages and builds the console, so that `npm start` and `npx assay` work at once.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const steps = [['tsc', ['-b']]];
if (existsSync('packages/web/package.json')) steps.push(['npm', ['run', '--silent', 'build:web']]);

for (const [command, args] of steps) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) process.exit(status ?? 1);
}

// The memory snapshot from which Python sandboxes start: a few seconds now, instead of at the first start of the agent.
try {
  const { installSnapshot } = await import('../packages/sandbox/dist/wasm/install.js');
  await installSnapshot();
} catch (error) {
  process.stderr.write(`prepare: no Python snapshot (${error.message}); the agent will make it when it first starts\n`);
}
