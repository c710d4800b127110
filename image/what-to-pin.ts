/** What a verifier pins of an image that was built here: the values, computed from its files by `assay measure`, and the commands that pin them. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { CHECKOUT } from './build-options.ts';

const ASSAY = join(CHECKOUT, 'packages/assay/bin/assay.js');
/** Of rootfs.tar, what the simulated evidence of the agent in it measures. */
const MEASURED_PARTS = ['assay', 'etc/assay/image.json'];

interface Platform {
  readonly name: string;
  readonly file: string;
  /** What is pinned besides, and where it comes from. */
  readonly besides?: string | undefined;
  /** Builds the file. */
  readonly build: string;
}

const PLATFORMS: readonly Platform[] = [
  { name: 'AWS Nitro', file: 'assay.eif', build: 'npm run image -- --blobs /usr/share/nitro_enclaves/blobs' },
  {
    name: 'dstack',
    file: 'app-compose.json',
    besides: "MRTD, RTMR1 and RTMR2 of the OS image are on dstack's release page",
    build: 'npm run image -- --image-name registry.example/assay',
  },
];

/** Pinned without a file of this build. */
const ELSEWHERE = [
  'SEV-SNP or TDX machine: firmware, kernel and initrd of the machine, deploy/cvm/README.md',
  'Gramine on SGX: cd deploy/gramine && make && make measure',
];

/**
 * @param folder of an image.
 * @throws Error for a folder without an image, or with a file that `assay measure` refuses.
 * @example console.log(whatToPin('build/image'));
 */
export function whatToPin(folder: string): string {
  if (!existsSync(join(folder, 'rootfs.tar')))
    throw new Error(`expected an image in ${folder}, got no rootfs.tar; make image builds one, or name its folder`);
  const built = PLATFORMS.filter(({ file }) => existsSync(join(folder, file)));
  const sections = built.length === 0 ? [rehearsal(folder)] : built.map((platform) => pins(folder, platform));
  const others = PLATFORMS.filter((platform) => !built.includes(platform)).map(({ name, build }) => `${name}: ${build}`);
  return [...sections, listed('Not in this image:', [...others, ...ELSEWHERE])].join('\n\n');
}

function pins(folder: string, { name, file, besides }: Platform): string {
  const path = join(folder, file);
  return listed(`${name}, ${shown(path)}:`, [
    ...values(path),
    ...(besides === undefined ? [] : [besides]),
    `write the policy that pins this:  npx assay measure ${shown(path)} --format policy > app-policy.json`,
    'check evidence with it:           npx assay verify EVIDENCE --policy app-policy.json',
    'ask an agent under it:            npx assay ask "What is 6 times 7?" --url https://AGENT --policy app-policy.json',
  ]);
}

/** No hardware measures a root filesystem: its values are those of the simulator. */
function rehearsal(folder: string): string {
  const place = mkdtempSync(join(tmpdir(), 'assay-image-measure-'));
  try {
    const archive = join(folder, 'rootfs.tar');
    const { status, stderr } = spawnSync('tar', ['-xf', archive, '-C', place, ...MEASURED_PARTS], { encoding: 'utf8' });
    if (status !== 0)
      throw new Error(`expected tar to unpack ${archive}, got ${stderr.trim().slice(-200)}; build the image again`);
    const root = shown(join(folder, 'rootfs'));
    return listed(`The agent of ${shown(archive)} in the simulator, for a rehearsal; no hardware shows these values:`, [
      ...values(place),
      `unpack it:                        mkdir -p ${root} && tar -xf ${shown(archive)} -C ${root}`,
      `compare it with what runs:        npx assay measure ${root} --compare EVIDENCE --simulated-root FILE`,
    ]);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** `pcr0  0a…`, one line each. */
function values(path: string): readonly string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [ASSAY, 'measure', path, '--json'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`expected assay measure to take ${path}, got: ${stderr.trim().slice(-600)}`);
  const measured = JSON.parse(stdout) as { readonly values: Readonly<Record<string, string>> };
  return Object.entries(measured.values).map(([name, value]) => `${name}  ${value}`);
}

function listed(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`)].join('\n');
}

/** From the folder one is in, where it lies below. */
function shown(path: string): string {
  const way = relative(process.cwd(), path);
  return way.startsWith('..') ? path : way;
}
