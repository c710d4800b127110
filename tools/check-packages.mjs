// Each published package, as npm would pack it, must have an honest shape: exports resolve, types match (publint, attw).
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

for (const name of readdirSync('packages')) {
  const folder = `packages/${name}`;
  const manifest = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  if (manifest.private) continue;
  const runs = [['publint', ['run', folder, '--strict']]];
  if (manifest.exports?.['.'] && name !== 'web') runs.push(['attw', ['--pack', folder, '--profile', 'esm-only', '--quiet']]);
  for (const [command, args] of runs) {
    const { status } = spawnSync(command, args, { stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }
}
