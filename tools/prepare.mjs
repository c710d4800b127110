// Runs after `npm install`: compiles the packages and builds the console, so that `npm start` and `npx assay` work at once.
// Types are not checked here, which halves the time: `npm run build` checks them, and CI does.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const steps = [['compiling the packages', 'tsc', ['-b', '--noCheck']]];
if (existsSync('packages/web/package.json')) steps.push(['building the console', 'npm', ['run', '--silent', 'build:web']]);

const say = (line) => process.stderr.write(`prepare: ${line}\n`);

for (const [what, command, args] of steps) {
  say(what);
  const { status } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) process.exit(status ?? 1);
}

// The memory snapshot from which Python sandboxes start: a few seconds now, instead of at the first start of the agent.
say('starting the Python interpreter once');
try {
  const { installSnapshot } = await import('../packages/sandbox/dist/wasm/install.js');
  await installSnapshot();
} catch (error) {
  const [why, advice] = error.message.split('; ');
  say(`no Python snapshot: ${why}; the agent makes it when it first starts${advice === undefined ? '' : `, or ${advice}`}`);
}
