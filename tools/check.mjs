// The gate: `npm run check`. Runs every check in order and stops at the first that fails.
import { spawnSync } from 'node:child_process';

const steps = [
  ['lint, format, layers', 'biome', ['check', '--diagnostic-level=error']],
  ['types of the packages', 'tsc', ['-b']],
  ['types of tests, bench, examples', 'tsc', ['-p', 'tsconfig.tests.json']],
  ['dead code and undeclared imports', 'knip', []],
  ['file lengths and names', 'node', ['tools/check-files.mjs']],
  ['habits of the code', 'node', ['tools/check-habits.mjs']],
  ['a local chain for the tests', 'node', ['tools/install-anvil.mjs']],
  ['tests', 'node', ['tools/test.mjs']],
  ['package shape', 'node', ['tools/check-packages.mjs']],
];

for (const [name, command, args] of steps) {
  const started = performance.now();
  console.log(`\n> ${name}`);
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`\ncheck: ${name} failed`);
    process.exit(status ?? 1);
  }
  console.log(`  ok, ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
