/**
 * The lane's directory on the host: mount points, the made-up /etc, the seccomp filter, one scratch directory per job.
 *
 * Sandboxes of an agent that runs as root are started under a user id that owns nothing, which cannot look into the agent's
 * own directories. So everything they need is bound, read-only, below a directory that anybody may pass through.
 */

import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SandboxError } from '../errors.ts';
import type { Bind } from '../native/layout.ts';

const run = promisify(execFile);
const NAME = 'assay-ns-';
/** Holds the agent's process id: the directory's own name can be read inside the sandbox, so the id does not stand in it. */
const AGENT_FILE = 'agent';

/** Files of /etc that libc asks for; no name of the host appears in them. */
const ETC: Readonly<Record<string, string>> = {
  passwd: 'root:x:0:0:root:/:/bin/false\nsandbox:x:1000:1000:sandbox:/tmp:/bin/sh\n',
  group: 'root:x:0:\nsandbox:x:1000:\n',
  hosts: '127.0.0.1 localhost sandbox\n::1 localhost\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
};

export interface Stage {
  readonly directory: string;
  /** What to bind into each sandbox. */
  readonly binds: readonly Bind[];
  readonly filter: string;
  readonly root: boolean;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly binds: readonly Bind[];
  readonly filter: Uint8Array;
}

/**
 * Prepares the stage; as root this binds, otherwise it only writes the few files. Leftovers of dead agents are removed.
 * @throws {SandboxError} and errors of the file system, once what was made is removed.
 */
export async function openStage({ binds, filter }: StageOptions): Promise<Stage> {
  await removeLeftovers();
  const root = process.getuid?.() === 0;
  const directory = mkdtempSync(join(tmpdir(), NAME));
  chmodSync(directory, 0o711);
  writeFileSync(join(directory, AGENT_FILE), String(process.pid), { mode: 0o600 });
  const etc = join(directory, 'etc');
  mkdirSync(etc, { mode: 0o755 });
  for (const [name, text] of Object.entries(ETC)) writeFileSync(join(etc, name), text, { mode: 0o644 });
  const filterFile = join(directory, 'seccomp.bpf');
  writeFileSync(filterFile, filter, { mode: 0o600 });
  const mounted: string[] = [];
  try {
    const placed = binds.map((bind, index) => place(directory, bind, index));
    const staged = root ? await bindAll(directory, placed, mounted) : placed;
    return {
      directory,
      filter: filterFile,
      root,
      binds: [...staged, { source: etc, target: '/etc' }],
      close: () => dismantle(directory, mounted),
    };
  } catch (error) {
    await dismantle(directory, mounted);
    throw error;
  }
}

/** Puts the agent's own files below the stage, so that the table of mounts inside does not tell where the agent is installed. */
function place(directory: string, bind: Bind, index: number): Bind {
  const source = join(directory, `own-${index}`);
  if (bind.text !== undefined) {
    writeFileSync(source, bind.text, { mode: 0o644 });
    return { source, target: bind.target };
  }
  if (bind.own !== true) return bind;
  try {
    if (statSync(bind.source).isDirectory()) cpSync(bind.source, source, { recursive: true });
    else linkSync(bind.source, source);
    return { source, target: bind.target };
  } catch {
    // Another file system, or a file of another user: the program is too large to copy.
    return bind;
  }
}

async function bindAll(directory: string, binds: readonly Bind[], mounted: string[]): Promise<readonly Bind[]> {
  const staged: Bind[] = [];
  for (const [index, { source, target }] of binds.entries()) {
    if (isOpenToAll(source)) {
      staged.push({ source, target });
      continue;
    }
    const point = join(directory, `bind-${index}`);
    if (statSync(source).isDirectory()) mkdirSync(point, { mode: 0o755 });
    else writeFileSync(point, '', { mode: 0o644 });
    await mount(['--bind', source, point]);
    mounted.push(point);
    await mount(['-o', 'remount,bind,ro,nosuid,nodev', point]);
    staged.push({ source: point, target });
  }
  return staged;
}

/** True when anybody may walk to the path; `/usr` and its like. */
function isOpenToAll(path: string): boolean {
  for (let at = path; ; at = join(at, '..')) {
    if ((statSync(at).mode & 0o001) === 0 && at !== path) return false;
    if (at === '/') return (statSync(path).mode & 0o004) !== 0;
  }
}

/** Root in a container often may not; that is found out at the start, and the next lane is tried. */
async function mount(options: readonly string[]): Promise<void> {
  try {
    await run('mount', [...options], { env: SYSTEM_ENVIRONMENT });
  } catch (cause) {
    const said = String((cause as { stderr?: string }).stderr ?? cause).split('\n')[0] ?? '';
    const message = `root may not mount here (${said.slice(0, 160)}); give the agent CAP_SYS_ADMIN, or run it as a plain user`;
    throw new SandboxError('sandbox/unavailable', message, { cause });
  }
}

/** A sized tmpfs for one job, owned by its user id. Root only. */
export async function mountScratch(
  directory: string,
  limits: { readonly uid: number; readonly diskBytes: number; readonly inodes: number },
): Promise<void> {
  mkdirSync(directory, { mode: 0o700 });
  const options = `size=${Math.max(4096, limits.diskBytes)},nr_inodes=${limits.inodes + 1},nosuid,nodev,mode=0700,uid=${limits.uid},gid=${limits.uid}`;
  await mount(['-t', 'tmpfs', '-o', options, 'assay', directory]);
}

export async function unmountScratch(directory: string): Promise<void> {
  await run('umount', ['-l', directory], { env: SYSTEM_ENVIRONMENT }).catch(() => undefined);
  removeQuietly(directory);
}

const SYSTEM_ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

async function dismantle(directory: string, mounted: readonly string[]): Promise<void> {
  const scratch = mountsBelow(directory).filter((path) => !mounted.includes(path));
  for (const point of [...scratch, ...mounted]) {
    await run('umount', ['-l', point], { env: SYSTEM_ENVIRONMENT }).catch(() => undefined);
  }
  // Never delete through a mount that would not go: it is somebody's real directory.
  if (mountsBelow(directory).length === 0) rmSync(directory, { recursive: true, force: true });
}

function mountsBelow(directory: string): readonly string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${directory}/`));
}

/** Directories whose agent is dead: its sandboxes died with it, its mounts and files did not. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(NAME)) continue;
    const directory = join(tmpdir(), name);
    if (statSync(directory, { throwIfNoEntry: false })?.uid !== process.getuid?.()) continue;
    const pid = agentOf(directory);
    if (pid !== null && !existsSync(`/proc/${pid}`)) await dismantle(directory, []).catch(() => undefined);
  }
}

/** The process whose stage this is; `null` while it is being made. */
function agentOf(directory: string): number | null {
  try {
    const pid = Number(readFileSync(join(directory, AGENT_FILE), 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function removeQuietly(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Still mounted; the lane's end removes it.
  }
}
