/**
 * The root filesystem: system files, Node, libraries of Debian, the application. No shell, no package manager; so code runs in the wasm lane, which is
 * Deno's and needs neither. The native lanes start their cells through a shell and stay outside.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOME } from './application.ts';
import { type Entry, file, folder, link } from './entries.ts';

const LOADER = 'lib64/ld-linux-x86-64.so.2';

export interface RootParts {
  readonly application: readonly Entry[];
  readonly node: readonly Entry[];
  readonly debian: readonly Entry[];
  /** Files for machines that unpack the image instead of booting it. */
  readonly units: readonly Entry[];
  /** Files of the operator, such as a manifest. */
  readonly files: readonly Entry[];
  /** A folder with further programs for /usr/bin, such as gvforwarder; `null` for none. */
  readonly programs: string | null;
  /** What the image says about itself. */
  readonly about: object;
}

export function rootFilesystem({ application, node, debian, units, files, programs, about }: RootParts): readonly Entry[] {
  const own = ['dev', 'proc', 'sys', 'run', 'var/lib', 'root'].map((path) => folder(path));
  return [
    ...own,
    folder('tmp', 0o1777),
    folder('var/lib/assay', 0o700),
    link('bin', 'usr/bin'),
    link('sbin', 'usr/bin'),
    link('lib', 'usr/lib'),
    link(LOADER, '../usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'),
    file('etc/passwd', 'root:x:0:0:root:/root:/nonexistent\nnobody:x:65534:65534:nobody:/nonexistent:/nonexistent\n'),
    file('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
    file('etc/hosts', '127.0.0.1 localhost\n::1 localhost\n'),
    file('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    file('etc/resolv.conf', ''),
    file('etc/assay/image.json', `${JSON.stringify(about, null, 2)}\n`),
    ...debian,
    ...node,
    ...application,
    ...units,
    ...files,
    ...(programs === null
      ? []
      : readdirSync(programs).map((name) => file(`usr/bin/${name}`, readFileSync(join(programs, name)), 0o755))),
  ];
}

/** The agent's command line in the image. */
export const COMMAND: readonly string[] = ['/usr/bin/node', `/${HOME}/packages/assay/bin/assay.js`, 'serve'];

/** Names that only a shell or a package manager has. */
const SHELLS = /(?:^|\/)(?:sh|bash|dash|ash|zsh|ksh|busybox|dpkg|apt|apt-get)$/;

/** @throws Error when the image holds a shell or a package manager. */
export function refuseShells(entries: readonly Entry[]): void {
  const found = entries.find(({ path, kind }) => kind !== 'folder' && SHELLS.test(path) && /(?:^|\/)s?bin\//.test(path));
  if (found !== undefined) throw new Error(`expected no shell in the image, got ${found.path}; take it out`);
}
