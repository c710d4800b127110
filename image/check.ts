/**
 * Is the image what it claims? Builds it in two clones of this commit that differ in path, user (as root), umask, time zone, locale and number of processors,
 * compares every file, holds the root filesystem to its size, then starts the agent from it (as root, by chroot): it runs Python and JavaScript, and its evidence
 * says what `assay measure` computed.
 * Usage: npm run image:check. Says each step as it begins. Takes some minutes; `npm test` holds the archives and the measurement to the same in seconds.
 */

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithFailure } from '../tools/program-failure.ts';
import { programOptions } from '../tools/program-options.ts';
import { Steps } from './steps.ts';
import { readTar } from './tar.ts';

const CHECKOUT = resolve(import.meta.dirname, '..');
const BLOBS = ['bzImage', 'init', 'nsm.ko', 'cmdline'];
const PORT = 18_789;
/** Of the root filesystem's files, with what an enclave's network needs, bytes. */
const MOST_BYTES = 250_000_000;
/** The account without rights, so another user than the first build. */
const OTHER_USER = 65_534;
const AS_ROOT = process.getuid?.() === 0;

interface Builder {
  readonly folder: string;
  readonly umask: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly processors: string;
  /** A shell command that runs before the build. It makes an edit that git does not see; that edit must not reach the image. */
  readonly edit: string;
  /** Builds as this user, when this program runs as root. */
  readonly user?: number | undefined;
}

function run(
  program: string,
  args: readonly string[],
  cwd: string,
  {
    environment = {},
    user,
  }: { readonly environment?: Readonly<Record<string, string>>; readonly user?: number | undefined } = {},
): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    maxBuffer: 1 << 26,
    ...(user === undefined ? {} : { uid: user, gid: user }),
  });
  if (status === 0) return stdout;
  throw new Error(`expected ${program} ${args.slice(0, 3).join(' ')} to succeed, got: ${stderr.slice(-800)}`);
}

/** @returns SHA256SUMS of one build. */
function built(work: string, { folder, umask, environment, processors, edit, user }: Builder): string {
  steps.begin(`build in ${folder}, umask ${umask}`);
  const clone = join(work, folder);
  mkdirSync(clone, { recursive: true });
  run('git', ['clone', '--quiet', CHECKOUT, clone], work);
  run('git', ['checkout', '--quiet', COMMIT], clone);
  cpSync(join(CHECKOUT, 'node_modules'), join(clone, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !source.includes('/node_modules/.cache'),
  });
  for (const inner of globSync('packages/*/node_modules', { cwd: CHECKOUT }))
    cpSync(join(CHECKOUT, inner), join(clone, inner), { recursive: true, verbatimSymlinks: true });
  const bin = join(clone, 'node_modules/.bin');
  const settings: Record<string, string> = { ...environment, PATH: `${bin}:${process.env.PATH}` };
  const commands = `umask ${umask} && tsc -b && ${edit} && taskset -c ${processors} node --conditions=@assay/source image/build.ts --out ${join(clone, 'out')} --cache ${join(CHECKOUT, 'node_modules/.cache/assay-image')} --blobs ${join(work, 'blobs')} --image-name registry.example/assay`;
  if (user !== undefined) {
    run('chown', ['-R', `${user}:${user}`, clone], work);
    // A home of its own, so another cache of npm as well.
    Object.assign(settings, { HOME: clone, npm_config_cache: join(clone, 'npm-cache') });
  }
  run('bash', ['-c', commands], clone, { environment: settings, user });
  return readFileSync(join(clone, 'out/SHA256SUMS'), 'utf8');
}

/** What the release workflow takes of an image. */
function released(): readonly string[] {
  const workflow = readFileSync(join(CHECKOUT, '.github/workflows/release.yml'), 'utf8');
  return [...workflow.matchAll(/build\/image\/([\w./-]+)/g)].map(([, name = '']) => name);
}

/** Each prints 42. */
const PROGRAMS = { python: 'print(6 * 7)', javascript: 'console.log(6 * 7)' };

/** Starts the agent of a root filesystem, has it run code, and gives the values of its evidence. */
async function answers(
  root: string,
): Promise<{ readonly outputs: string; readonly report: string; readonly milliseconds: number }> {
  for (const [name, minor] of [
    ['null', 3],
    ['zero', 5],
    ['random', 8],
    ['urandom', 9],
  ] as const)
    run('mknod', ['-m', '666', join(root, 'dev', name), 'c', '1', String(minor)], root);
  run('mount', ['--bind', '/proc', join(root, 'proc')], root);
  const begun = performance.now();
  const agent = spawn('chroot', [root, '/usr/bin/node', '/assay/packages/assay/bin/assay.js', 'serve'], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, AGENT_PORT: String(PORT), ASSAY_DATA_DIR: '/var/lib/assay', AI_PROVIDER: 'recorded' },
  });
  try {
    const url = `http://127.0.0.1:${PORT}`;
    const report = `${url}/v1/aci/attestation`;
    let answer: Response | null = null;
    for (let attempt = 0; attempt < 600 && answer === null; attempt += 1)
      answer = await fetch(report).catch(() => sleep(100).then(() => null));
    if (answer === null) throw new Error('expected the agent to answer within a minute, got nothing; start it by hand');
    const text = await answer.text();
    const milliseconds = performance.now() - begun;
    const outputs: string[] = [];
    for (const [language, code] of Object.entries(PROGRAMS)) {
      const body = JSON.stringify({ data: { type: 'execute', language, code } });
      const task = await fetch(`${url}/api/process`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
      const { execution_result: result } = (await task.json()) as { execution_result?: { stdout: string } };
      outputs.push(`${language}: ${result?.stdout.trim() ?? 'no result'}`);
    }
    return { outputs: outputs.join(', '), report: text, milliseconds };
  } finally {
    agent.kill();
    await new Promise((resolve) => agent.once('close', resolve));
    run('umount', [join(root, 'proc')], root);
  }
}

programOptions({
  call: 'npm run image:check',
  does: 'Builds the image twice under different conditions, compares every file, and (as root) runs the agent in it. Takes some minutes.',
  options: {},
});
const steps = new Steps();
process.on('uncaughtException', endWithFailure);

/** Both builds are of this one, also when the checkout goes on meanwhile. */
const COMMIT = run('git', ['rev-parse', 'HEAD'], CHECKOUT).trim();
const work = mkdtempSync(join(tmpdir(), 'assay-image-check-'));
try {
  chmodSync(work, 0o755);
  mkdirSync(join(work, 'blobs'));
  for (const name of BLOBS) writeFileSync(join(work, 'blobs', name), `stand-in for ${name}`);
  const first = built(work, {
    folder: 'a',
    umask: '022',
    environment: { TZ: 'UTC', LANG: 'C' },
    processors: '0,1',
    edit: 'true',
  });
  const second = built(work, {
    folder: 'another/place-with-a-longer-name',
    umask: '077',
    environment: { TZ: 'Pacific/Auckland', LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', USER: 'somebody', LOGNAME: 'somebody' },
    processors: '0',
    edit: 'echo "// stray" >> packages/ledger/dist/index.js',
    user: AS_ROOT ? OTHER_USER : undefined,
  });
  steps.begin('compare the two');
  if (first !== second) throw new Error(`expected the same image twice, got\n${first}\n${second}`);
  for (const name of released())
    if (!existsSync(join(work, 'a/out', name)))
      throw new Error(`expected ${name}, which the release takes, in the image, got none`);
  console.log(`the same ${first.split('\n').length - 1} files twice:\n${first}`);
  const bytes = readTar(readFileSync(join(work, 'a/out/rootfs.tar'))).reduce((sum, entry) => sum + entry.bytes.length, 0);
  if (bytes > MOST_BYTES) throw new Error(`expected at most ${MOST_BYTES} bytes of files, got ${bytes}; see image/left-out.ts`);
  console.log(`root filesystem with the programs for an enclave's network: ${(bytes / 1e6).toFixed(1)} MB`);
  if (!AS_ROOT) {
    console.warn(
      'LEFT OUT: one user built both, and the agent is not started from the root filesystem, because that needs root',
    );
  } else {
    steps.begin('start the agent from the root filesystem');
    const root = join(work, 'root');
    mkdirSync(root);
    run('tar', ['-xf', join(work, 'a/out/rootfs.tar'), '-C', root], work);
    const { outputs, report, milliseconds } = await answers(root);
    if (outputs !== 'python: 42, javascript: 42') throw new Error(`expected 42 from code in the image, got ${outputs}`);
    writeFileSync(join(work, 'report.json'), report);
    const simulated = join(root, 'var/lib/assay/simulated-root.pem');
    const assay = join(work, 'a/packages/assay/bin/assay.js');
    console.log(
      run(
        process.execPath,
        [assay, 'measure', root, '--compare', join(work, 'report.json'), '--simulated-root', simulated],
        work,
      ),
    );
    console.log(`code ran, the evidence says what was measured; first attested answer after ${milliseconds.toFixed(0)} ms`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
