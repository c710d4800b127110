/**
 * Builds the images of the agent, without a container engine: the same commit gives the same bytes on any machine.
 * Usage: npm run image -- --help
 *
 * Writes into a folder: rootfs.tar, an OCI layout in oci/, assay.eif (with --blobs: kernel and init of AWS's Nitro CLI), app-compose.json for dstack (with
 * --image-name), sbom.cdx.json, provenance.json, reference-values.json, statements/ (in-toto, one a platform, to be signed) and SHA256SUMS. Inputs are the
 * checkout, image/pins.json and package-lock.json. The packages are compiled for each image.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseEnvFile } from '@assay/encoding/env-file';
import { type Measured, measureCompose, measureEif, parseRelease, statementOf } from '@assay/reference-values';
import { endWithFailure } from '../tools/program-failure.ts';
import { application, HOME, nodeProgram } from './application.ts';
import { buildOptions, CHECKOUT, DEFAULT_OUT } from './build-options.ts';
import { appCompose } from './compose.ts';
import { type DebianPin, debianPackage, filesOf } from './debian.ts';
import { refuseForeign, writeImage } from './destination.ts';
import { enclaveImage } from './enclave.ts';
import { arranged, entriesBelow, file } from './entries.ts';
import { refuseBroken } from './loads.ts';
import { ociImage } from './oci.ts';
import { billOfMaterials, type Lock, provenance } from './papers.ts';
import { COMMAND, refuseShells, rootFilesystem } from './root-filesystem.ts';
import { Steps } from './steps.ts';
import { writeTar } from './tar.ts';

const DEFAULT_ENVIRONMENT = { PATH: '/usr/bin', ASSAY_DATA_DIR: '/var/lib/assay', AGENT_HOST: '0.0.0.0', AGENT_PORT: '8000' };

const options = buildOptions();
const steps = new Steps();
process.on('uncaughtException', endWithFailure);
refuseForeign(options.out);

const git = (...args: readonly string[]): string => {
  const { status, stdout } = spawnSync('git', args, { cwd: CHECKOUT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`expected git ${args[0]} to succeed; build from a clone`);
  return stdout.trim();
};
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const text = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);

function settings(): Readonly<Record<string, string>> {
  if (options.settings === undefined) return DEFAULT_ENVIRONMENT;
  const parsed = parseEnvFile(readFileSync(options.settings, 'utf8'));
  if (parsed.type !== 'settings')
    throw new Error(`expected lines NAME=value in ${options.settings}, got something else in line ${parsed.line}`);
  const secret = Object.keys(parsed.settings).find((name) => /(?:_KEY|PASSWORD|TOKEN|DATABASE_URL)$/.test(name));
  if (secret !== undefined)
    throw new Error(`expected no secret in an image, which anyone can read, got ${secret}; hand it over when the image starts`);
  return { ...DEFAULT_ENVIRONMENT, ...parsed.settings };
}

const pins = JSON.parse(readFileSync(join(CHECKOUT, 'image/pins.json'), 'utf8')) as {
  readonly node: { readonly package: string; readonly version: string; readonly integrity: string };
  readonly debian: readonly DebianPin[];
};
const lockBytes = readFileSync(join(CHECKOUT, 'package-lock.json'));
const lock = JSON.parse(lockBytes.toString('utf8')) as Lock;
const { version } = JSON.parse(readFileSync(join(CHECKOUT, 'packages/agent/package.json'), 'utf8')) as {
  readonly version: string;
};
const commit = git('rev-parse', 'HEAD');
const time = Number(git('log', '-1', '--format=%ct'));
const changed = git('status', '--porcelain')
  .split('\n')
  .filter((line) => line !== '');
const environment = Object.entries(settings())
  .map(([name, value]) => `${name}=${value}`)
  .sort();

/** The network programs are for enclaves alone. */
const debianPins = pins.debian.filter((pin) => pin.for !== 'enclave' || options.blobs !== undefined);
steps.begin(`Debian's packages: ${debianPins.length}, each by its digest`);
const debian = debianPins.flatMap((pin) => filesOf(pin, debianPackage(pin, options.cache)));
steps.begin(`Node ${pins.node.version}, by its digest`);
const node = nodeProgram(pins.node, options.cache);
const { entries: applicationEntries, installed } = application(CHECKOUT, (step) => steps.begin(step));
steps.begin('load each module of the image');
refuseBroken(applicationEntries);
steps.begin('put the root filesystem together');
const root = arranged(
  rootFilesystem({
    application: applicationEntries,
    node,
    debian,
    files: options.files === undefined ? [] : entriesBelow(options.files, 'etc/assay'),
    programs: options.programs ?? null,
    units: ['assay.service', 'agent.env'].map((name) =>
      file(`${HOME}/deploy/cvm/${name}`, readFileSync(join(CHECKOUT, 'deploy/cvm', name))),
    ),
    about: {
      version,
      commit,
      tree: changed.length === 0 ? 'clean' : 'DIRTY',
      node: `v${pins.node.version}`,
      platform: 'linux',
      arch: 'x64',
    },
  }),
);
refuseShells(root);

const products = new Map<string, Uint8Array>();
const layer = writeTar(root, time);
products.set('rootfs.tar', layer);
steps.begin('pack it as an OCI image');
const oci = ociImage({
  layer,
  command: COMMAND,
  environment,
  time,
  labels: { 'org.opencontainers.image.revision': commit, 'org.opencontainers.image.version': version },
});
for (const [path, bytes] of oci.files) products.set(`oci/${path}`, bytes);
const values: Record<string, unknown> = { image: { digest: oci.digest } };
/** The values, which go into a statement as well. */
const stated = (platform: string, measured: Measured): Measured['values'] => {
  const statement = text(statementOf(measured, { version, minimumVersion: options.floor }));
  parseRelease(statement); // a floor above the version is refused here
  products.set(`statements/${platform}.json`, statement);
  return measured.values;
};
if (options.blobs !== undefined) {
  steps.begin('pack it as an enclave image, and measure that');
  const eif = enclaveImage({
    root,
    blobs: options.blobs,
    command: COMMAND,
    environment,
    time,
    pack: (bytes) => gzipSync(bytes, { level: 9 }),
  });
  products.set('assay.eif', eif);
  values.nitro = stated('nitro', await measureEif(eif));
}
if (options['image-name'] !== undefined) {
  steps.begin("write dstack's application, and measure it");
  const compose = appCompose(
    readFileSync(join(CHECKOUT, 'deploy/dstack/docker-compose.yaml'), 'utf8'),
    `${options['image-name']}@${oci.digest}`,
  );
  products.set('app-compose.json', compose);
  values.dstack = stated('dstack', await measureCompose(compose));
}
products.set('reference-values.json', text({ v: 'assay-reference-values/1', version, commit, values }));
const materials = { installed, lock, debian: debianPins, node: pins.node, version };
products.set('sbom.cdx.json', text(billOfMaterials(materials)));
const subjects = Object.fromEntries([...products].map(([name, bytes]) => [name, sha256(bytes)]));
const repository =
  (JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as { readonly repository?: string }).repository ??
  'unknown';
products.set(
  'provenance.json',
  text(
    provenance({
      ...{ subjects, repository, commit, changed, materials, lockSha256: sha256(lockBytes) },
      parameters: {
        settings: environment.join('\n'),
        ...(options['image-name'] === undefined ? {} : { imageName: options['image-name'] }),
      },
    }),
  ),
);
const sums = [...products]
  .map(([name, bytes]) => `${sha256(bytes)}  ${name}\n`)
  .sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1));
products.set('SHA256SUMS', new TextEncoder().encode(sums.join('')));

steps.begin(`write ${products.size} files`);
writeImage(options.out, products);
const megabytes = (root.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1e6).toFixed(0);
console.log(
  `${options.out}: root filesystem ${megabytes} MB in ${root.length} entries, image ${oci.digest}${changed.length === 0 ? '' : ', DIRTY tree'}; ${steps.elapsed()}`,
);
const measures = options.out === DEFAULT_OUT ? 'make measure' : `npm run image:measure -- ${options.out}`;
console.error(`hint: ${measures} prints what clients pin, and how`);
