/** What to do when no trusted root signed the evidence: a simulator has a root of its own, and where it is depends on whose it is. */

import { access } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { isLoopbackName } from '@assay/channel';
import { dataFolder } from './data-folder.ts';
import type { Io } from './io.ts';

/** What the user said about the one that sent the evidence. */
export interface NamedSender {
  readonly url?: string | undefined;
  readonly simulatedRoot?: string | undefined;
}

const ROOT_FILE = 'simulated-root.pem';

/** The simulator's root in a data folder, as a path from here; `null` without one. */
export async function ownRootFile(folder: string, io: Pick<Io, 'cwd'>): Promise<string | null> {
  const file = shownPath(join(folder, ROOT_FILE), io);
  return access(resolve(io.cwd, file)).then(
    () => file,
    () => null,
  );
}

/**
 * A path as it is shown and can be typed: from here where it lies below, else from the root of the file system.
 * @example shownPath('/home/x/data/root.pem', { cwd: '/work' }) // '/home/x/data/root.pem'
 */
export function shownPath(path: string, { cwd }: Pick<Io, 'cwd'>): string {
  const whole = resolve(cwd, path);
  const way = relative(cwd, whole);
  if (way === '') return '.';
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way) ? whole : way;
}

/** What `assay verify` needs in addition for the work of a simulator; empty for hardware. */
export function rootArgument(simulated: boolean, { simulatedRoot }: NamedSender, io: Io): string {
  if (!simulated) return '';
  return ` --simulated-root ${simulatedRoot ?? `${io.env.ASSAY_DATA_DIR || '.assay'}/${ROOT_FILE}`}`;
}

/** For an agent that a command asked; `undefined` where there is nothing to add. */
export async function agentRootHint({ url, simulatedRoot }: NamedSender, io: Io): Promise<string | undefined> {
  const elsewhere = `a simulator keeps its root in ${ROOT_FILE} of its data folder, and --simulated-root names it`;
  if (simulatedRoot !== undefined) return `${simulatedRoot} is not the root of this agent; ${elsewhere}`;
  const own = await ownRootFile(dataFolder(io), io);
  if (url === undefined) return own === null ? elsewhere : `${own} is not the root of this agent; ${elsewhere}`;
  if (!URL.canParse(url) || !isLoopbackName(new URL(url).hostname.replace(/^\[|\]$/g, ''))) return undefined;
  return own === null ? elsewhere : `if it is the agent of this folder, its root is --simulated-root ${own}`;
}

/** For a file; `undefined` where there is nothing to add. */
export async function fileRootHint({ simulatedRoot }: NamedSender, io: Io): Promise<string | undefined> {
  if (simulatedRoot !== undefined)
    return `${simulatedRoot} is not the root of this evidence; --simulated-root names the root of its simulator, --root a private one`;
  const own = await ownRootFile(dataFolder(io), io);
  if (own === null) return undefined;
  return `no pinned vendor root signed this; if the simulator of this folder made it: --simulated-root ${own}`;
}
