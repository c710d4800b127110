/**
 * Workspaces in the data directory. A file's bytes are stored under their hash and named in `index.json`, so that no path a
 * client chose ever becomes a path on this machine. The index is replaced by rename; a crash leaves the old or the new one.
 */

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxFile } from '@assay/sandbox';
import { pathDefect } from '@assay/sandbox';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { WorkspaceEntry, Workspaces } from '../../ports/workspaces.ts';

export interface WorkspaceLimits {
  readonly files: number;
  /** Together, bytes. */
  readonly bytes: number;
  readonly workspaces: number;
}

const LIMITS: WorkspaceLimits = { files: 256, bytes: 64 * 1024 * 1024, workspaces: 1000 };
const NAME = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/;
const indexSchema = z.array(
  z.object({ path: z.string(), bytes: z.number().int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
);

/** Folders of keys; no workspace can have such a name. */
const KEY_FOLDER = '@';

/** The workspaces of each API key below `directory`: a name of one key is another place than the same name of another. */
export function workspacesByKey(directory: string): (access: string | null) => Workspaces {
  const known = new Map<string | null, Workspaces>([[null, createWorkspaces(directory)]]);
  return (access) => {
    const own = known.get(access) ?? createWorkspaces(join(directory, `${KEY_FOLDER}${access}`));
    known.set(access, own);
    return own;
  };
}

/** Workspaces below `directory`, which is made when the first file arrives. */
export function createWorkspaces(directory: string, limits: WorkspaceLimits = LIMITS): Workspaces {
  const tails = new Map<string, Promise<unknown>>();
  /** One change at a time in each workspace. */
  const inTurn = async <T>(workspace: string, change: () => Promise<T>): Promise<T> => {
    const turn = (tails.get(workspace) ?? Promise.resolve()).then(change, change);
    tails.set(workspace, turn);
    try {
      return await turn;
    } finally {
      if (tails.get(workspace) === turn) tails.delete(workspace);
    }
  };
  const root = (workspace: string): string => {
    if (NAME.test(workspace)) return join(directory, workspace);
    throw new ServerError(
      'workspace/bad-path',
      'expected a workspace name of 1 to 64 lower-case letters, digits, - and _; rename it',
    );
  };
  const list = async (workspace: string): Promise<readonly WorkspaceEntry[]> => {
    const text = await readFile(join(root(workspace), 'index.json'), 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return '[]';
      throw cause;
    });
    return indexSchema.parse(JSON.parse(text));
  };

  const store = async (workspace: string, files: readonly SandboxFile[]): Promise<void> => {
    const place = root(workspace);
    const old = await list(workspace);
    const entries = new Map(old.map((entry) => [entry.path, entry]));
    for (const { path, bytes } of files) entries.set(path, { path, bytes: bytes.length, sha256: sha256(bytes) });
    const total = [...entries.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    if (entries.size > limits.files || total > limits.bytes) {
      throw new ServerError(
        'workspace/full',
        `workspace ${workspace} would exceed ${limits.files} files or ${limits.bytes} bytes; use another workspace`,
      );
    }
    if (old.length === 0 && (await foldersIn(directory)) >= limits.workspaces) {
      throw new ServerError(
        'workspace/full',
        `there are ${limits.workspaces} workspaces already; use one of them or remove some from the data directory`,
      );
    }
    await mkdir(place, { recursive: true, mode: 0o700 });
    for (const { bytes } of files) await replace(join(place, sha256(bytes)), bytes);
    const sorted = [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    await replace(join(place, 'index.json'), new TextEncoder().encode(JSON.stringify(sorted)));
    const kept = new Set(sorted.map((entry) => entry.sha256));
    for (const entry of old) if (!kept.has(entry.sha256)) await rm(join(place, entry.sha256), { force: true });
  };

  return {
    list,
    read: async (workspace, path) => {
      checkPath(path);
      return inTurn(workspace, async () => {
        const entry = (await list(workspace)).find((candidate) => candidate.path === path);
        if (entry === undefined) {
          throw new ServerError(
            'workspace/not-found',
            `no file ${JSON.stringify(path)} in workspace ${workspace}; write it first, or send it in files`,
          );
        }
        const bytes = new Uint8Array(await readFile(join(root(workspace), entry.sha256)));
        if (sha256(bytes) === entry.sha256) return bytes;
        throw new ServerError(
          'workspace/not-found',
          `the stored bytes of ${JSON.stringify(path)} were changed on disk; write the file again`,
        );
      });
    },
    write: async (workspace, files) => {
      for (const { path } of files) checkPath(path);
      await inTurn(workspace, () => store(workspace, files));
    },
  };
}

async function foldersIn(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => !name.startsWith(KEY_FOLDER)).length;
}

function checkPath(path: string): void {
  const defect = pathDefect(path);
  if (defect !== null)
    throw new ServerError('workspace/bad-path', `path ${JSON.stringify(path.slice(0, 120))} ${defect}; use /tmp/<name>`);
}

async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(fresh, bytes, { mode: 0o600, flag: 'wx' });
  await rename(fresh, path);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
