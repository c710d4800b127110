// Runs after `npm install`: compiles the packages and builds the console, so that `npm start` and `npx assay` work at once.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const steps = [['tsc', ['-b']]];
if (existsSync('packages/web/package.json')) steps.push(['npm', ['run', '--silent', 'build:web']]);

for (const [command, args] of steps) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) process.exit(status ?? 1);
}
