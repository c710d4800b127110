// `node tools/check-release.mjs v1.2.3`: the tag, every published package and the changelog name one version, packages name each other by
// it, and it reaches the floor of the images. No pre-releases: floors of stores and statements are three numbers.
import { readdirSync, readFileSync } from 'node:fs';
import { compareVersions, isVersion } from '@assay/reference-values/releases';

const [tag = ''] = process.argv.slice(2);
const version = tag.slice(1);
if (!tag.startsWith('v') || !isVersion(version)) {
  console.error(`expected a tag of three numbers like v1.2.3, got "${tag}"`);
  process.exit(1);
}
const faults = [];

for (const folder of readdirSync('packages')) {
  const manifest = JSON.parse(readFileSync(`packages/${folder}/package.json`, 'utf8'));
  if (manifest.private === true) continue;
  if (manifest.version !== version) faults.push(`${manifest.name}: expected version ${version}, got ${manifest.version}`);
  for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies'])
    for (const [name, wanted] of Object.entries(manifest[kind] ?? {}))
      if (/^(?:@assay\/|assay$)/.test(name) && wanted !== version)
        faults.push(`${manifest.name}: expected ${name} ${version}, got ${wanted}`);
}
if (!readFileSync('CHANGELOG.md', 'utf8').includes(`\n## ${version} (`))
  faults.push(`CHANGELOG.md: expected a heading "## ${version} (year-month-day)", got none`);

const floor = readFileSync('image/floor', 'utf8').trim();
if (!isVersion(floor)) faults.push(`image/floor: expected three numbers, got "${floor}"`);
else if (compareVersions(floor, version) > 0) faults.push(`image/floor: expected at most ${version}, got ${floor}`);

for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
