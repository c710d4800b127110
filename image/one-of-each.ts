/**
 * npm installs the same package again wherever another version stands above it. The image holds each such package once; the others are links, which Node
 * follows before it looks for what a module imports. Two count as the same when their files, and those of every package that they find, are.
 */

import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { type Entry, link } from './entries.ts';

const PACKAGE = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;

/** @param entries files and links of the application, with the installed packages among them. */
export function oneOfEach(entries: readonly Entry[]): readonly Entry[] {
  const packages = new Map<string, Entry[]>();
  for (const entry of entries) {
    const path = PACKAGE.exec(entry.path)?.[0];
    if (path === undefined) continue;
    const files = packages.get(path);
    if (files === undefined) packages.set(path, [entry]);
    else files.push(entry);
  }
  const nesting = new Set([...packages.keys()].flatMap((path) => outerOf(path)));
  const first = new Map<string, string>();
  const links = new Map<string, string>();
  for (const path of [...packages.keys()].sort()) {
    if (nesting.has(path)) continue; // a link would hide the packages inside
    const digest = digestOf(path, packages, new Set());
    const same = first.get(digest);
    if (same === undefined) first.set(digest, path);
    else links.set(path, posix.relative(posix.dirname(path), same));
  }
  return [
    ...entries.filter(({ path }) => !links.has(PACKAGE.exec(path)?.[0] ?? '')),
    ...[...links].map(([path, target]) => link(path, target)),
  ];
}

type Packages = ReadonlyMap<string, readonly Entry[]>;

/** Of its files, and of the packages that its manifest names, as they are found from its place. */
function digestOf(path: string, packages: Packages, above: ReadonlySet<string>): string {
  if (above.has(path)) return 'itself';
  const files = packages.get(path) ?? [];
  const hash = createHash('sha256');
  for (const { path: name, mode, bytes, target } of files.toSorted((a, b) => (a.path < b.path ? -1 : 1)))
    hash.update(JSON.stringify([name.slice(path.length), mode, target, createHash('sha256').update(bytes).digest('hex')]));
  const manifest = files.find((each) => each.path === `${path}/package.json`);
  const named = JSON.parse(new TextDecoder().decode(manifest?.bytes) || '{}') as Readonly<Record<string, object | undefined>>;
  const needs = Object.keys({ ...named.dependencies, ...named.optionalDependencies, ...named.peerDependencies });
  for (const name of needs.sort()) {
    const found = foundFrom(path, name, packages);
    hash.update(JSON.stringify([name, found === null ? null : digestOf(found, packages, new Set([...above, path]))]));
  }
  return hash.digest('hex');
}

/** Where Node finds a package from inside another one; `null` for one that is not there. */
function foundFrom(path: string, name: string, packages: Packages): string | null {
  for (let folder = path; folder !== '.'; folder = posix.dirname(folder)) {
    const found = `${folder}/node_modules/${name}`;
    if (packages.has(found)) return found;
  }
  return null;
}

/** The packages around a package. */
function outerOf(path: string): readonly string[] {
  const outer = PACKAGE.exec(path.slice(0, path.lastIndexOf('/node_modules/') + 1))?.[0];
  return outer === undefined ? [] : [outer, ...outerOf(outer)];
}
