/**
 * Puts what a cell needs where its user id can read it. An agent that runs as root starts cells under an id that owns nothing;
 * without mounts, the files themselves have to stand in a directory that anybody may pass through.
 */

import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { nodeModules } from '../native/layout.ts';
import { RUNNERS } from '../runners.ts';

const NAME = 'assay-landlock-';

export interface Place {
  readonly directory: string;
  readonly node: string;
  readonly runners: string;
  /** Directory in which `require` finds modules. */
  readonly modules: string;
  readonly filter: string;
  readonly root: boolean;
  close(): void;
}

/** Prepares the directory. Leftovers of dead agents are removed. */
export function openPlace(options: { readonly node: string; readonly filter: Uint8Array }): Place {
  removeLeftovers();
  const root = process.getuid?.() === 0;
  const directory = mkdtempSync(join(tmpdir(), `${NAME}${process.pid}-`));
  chmodSync(directory, 0o711);
  const filter = join(directory, 'seccomp.bpf');
  writeFileSync(filter, options.filter, { mode: 0o644 });
  const runners = join(directory, 'runners');
  cpSync(RUNNERS, runners, { recursive: true });
  const modules = join(directory, 'node_modules');
  for (const { name, source } of nodeModules()) {
    mkdirSync(dirname(join(modules, name)), { recursive: true, mode: 0o755 });
    cpSync(source, join(modules, name), { recursive: true });
  }
  const node = root ? placeFile(options.node, join(directory, 'node')) : options.node;
  return { directory, node, runners, modules, filter, root, close: () => rmSync(directory, { recursive: true, force: true }) };
}

/** The same file under another name where that is possible: the program is large. */
function placeFile(source: string, target: string): string {
  if (isOpenToAll(source)) return source;
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target);
    chmodSync(target, 0o755);
  }
  return target;
}

/** True when anybody may walk to the file and read it. */
export function isOpenToAll(path: string): boolean {
  if ((statSync(path).mode & 0o004) === 0) return false;
  for (let at = dirname(path); ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(NAME) ? /^(\d+)-/.exec(name.slice(NAME.length))?.[1] : undefined;
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    const directory = join(tmpdir(), name);
    if (statSync(directory).uid === process.getuid?.()) rmSync(directory, { recursive: true, force: true });
  }
}
