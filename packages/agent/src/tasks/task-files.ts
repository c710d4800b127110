/**
 * Which files a run finds under `/tmp`: those of the request, and those of the workspace. A named workspace is mounted whole and
 * keeps what the code leaves behind. The default one is shared by everybody who names none, so a run gets only those of its
 * files that its own text names, and leaves nothing behind.
 */

import type { SandboxFile } from '@assay/sandbox';
import { DEFAULT_WORKSPACE, type Workspaces } from '../ports/workspaces.ts';
import type { TaskContext } from './task.ts';

export interface FileWishes {
  /** Named by the request; `undefined` is the default workspace. */
  readonly workspace: string | undefined;
  readonly files: readonly SandboxFile[];
}

/** The files of the request over those of the workspace. `text` is what may name files: the task, its context, the code. */
export async function gatherFiles(context: TaskContext, wishes: FileWishes, text: string): Promise<readonly SandboxFile[]> {
  const { workspaces } = context.ports;
  const { workspace = DEFAULT_WORKSPACE } = wishes;
  const given = new Set(wishes.files.map(({ path }) => path));
  const entries = (await workspaces.list(workspace)).filter(
    ({ path }) => !given.has(path) && (wishes.workspace !== undefined || text.includes(path.slice(path.lastIndexOf('/') + 1))),
  );
  context.holdInputs(entries.reduce((sum, { bytes }) => sum + bytes, 0));
  const kept = await Promise.all(entries.map(async ({ path }) => ({ path, bytes: await workspaces.read(workspace, path) })));
  return [...kept, ...wishes.files];
}

/** Stores the request's own files in a named workspace; without one they serve this request only. */
export async function keepRequestFiles(workspaces: Workspaces, wishes: FileWishes): Promise<void> {
  if (wishes.workspace !== undefined && wishes.files.length > 0) await workspaces.write(wishes.workspace, wishes.files);
}
