/** `assay model sign` and `assay model verify`: OpenSSF Model Signing with a key, as `model_signing` writes and reads it. */

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { relative, resolve } from 'node:path';
import { signModel, verifyModelSignature } from '@assay/models';
import type { Command } from 'commander';
import type { Finish } from '../../command-line/command.ts';
import { writeFileOf } from '../../command-line/destination.ts';
import { CliError } from '../../command-line/errors.ts';
import { EXIT, type ExitCode } from '../../command-line/exit-codes.ts';
import type { Io } from '../../command-line/io.ts';
import { NATIVE_HASH, type NamedPath, signedPaths, withModelFiles } from '../../command-line/model-files.ts';
import { append } from '../../command-line/options.ts';
import { jsonText, printable, styleOf } from '../../command-line/output.ts';
import { MAX_SETTING_BYTES, readFileOf } from '../../command-line/subject.ts';

interface SigningFlags {
  readonly key: string;
  readonly signature: string;
  readonly ignore?: readonly string[];
  readonly allowLinks?: boolean;
  readonly json?: boolean;
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

export function configureSigning(group: Command, io: Io, finish: Finish): void {
  const shared = (command: Command, key: string): Command =>
    command
      .argument('<path>', 'file or folder of the model')
      .requiredOption('--key <file>', key)
      .option('--signature <file>', 'the signature file', 'model.sig')
      .option('--ignore <path>', 'leave this out, relative to the folder; repeatable', append)
      .option('--allow-links', 'follow links to files')
      .option('--json', 'machine-readable result');
  shared(
    group.command('sign').description('sign the files of a model (OpenSSF Model Signing)'),
    'private key, PEM: P-256, P-384 or P-521',
  ).action(async (path: string, flags: SigningFlags) => finish(await sign(path, flags, io)));
  shared(
    group.command('verify').description('verify such a signature, and every file against it'),
    "the signer's public key, PEM",
  ).action(async (path: string, flags: SigningFlags) => finish(await verify(path, flags, io)));
}

async function sign(path: string, flags: SigningFlags, io: Io): Promise<ExitCode> {
  const key = await keyOf(io, flags.key, createPrivateKey);
  const algorithm = { name: 'ECDSA', namedCurve: CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? '' };
  if (algorithm.namedCurve === '') throw badKey(flags.key);
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const privateKey = await crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), algorithm, false, ['sign']);
  pkcs8.fill(0);
  const spki = new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }));
  const { paths, ignoredPaths } = await covered(path, flags, io);
  const name = resolve(io.cwd, path).split('/').at(-1) ?? 'model';
  const bytes = await withModelFiles(paths, (files) =>
    signModel(files, { ...NATIVE_HASH, name, privateKey, spki, ignoredPaths }),
  );
  await writeFileOf(io, flags.signature, bytes);
  io.stderr(`signed ${paths.length} ${paths.length === 1 ? 'file' : 'files'}; signature in ${printable(flags.signature)}\n`);
  return EXIT.accepted;
}

async function verify(path: string, flags: SigningFlags, io: Io): Promise<ExitCode> {
  const spki = new Uint8Array((await keyOf(io, flags.key, createPublicKey)).export({ type: 'spki', format: 'der' }));
  const signature = await readFileOf(io, flags.signature);
  const { paths, ignoredPaths } = await covered(path, flags, io);
  const manifest = await withModelFiles(paths, (files) =>
    verifyModelSignature(signature, files, { ...NATIVE_HASH, spki, ignoredPaths }),
  );
  const { name, rootDigest, pieces } = manifest;
  if (flags.json === true) io.stdout(jsonText({ outcome: 'accepted', name, root_digest: rootDigest, resources: pieces }));
  else {
    const style = styleOf(io);
    io.stdout(
      `${style.strong(style.good('ACCEPTED'))}  each signed piece of ${printable(name)} (${pieces.length}) is unchanged, and nothing else is there\n`,
    );
    io.stdout(`  root ${rootDigest}\n`);
  }
  return EXIT.accepted;
}

interface Covered {
  readonly paths: readonly NamedPath[];
  /** What is left out beside git's own: paths named, and the signature file inside of the folder. */
  readonly ignoredPaths: readonly string[];
}

async function covered(path: string, { signature, ignore = [], allowLinks = false }: SigningFlags, io: Io): Promise<Covered> {
  const own = relative(resolve(io.cwd, path), resolve(io.cwd, signature)).split('\\').join('/');
  const isInside = own !== '' && own !== '..' && !own.startsWith('../');
  return { paths: await signedPaths(io, path, { allowLinks }), ignoredPaths: [...ignore, ...(isInside ? [own] : [])] };
}

async function keyOf(io: Io, path: string, read: (pem: Buffer) => KeyObject): Promise<KeyObject> {
  const bytes = await readFileOf(io, path, MAX_SETTING_BYTES);
  try {
    const key = read(Buffer.from(bytes));
    if (key.asymmetricKeyType === 'ec') return key;
  } catch {
    // Said below.
  }
  throw badKey(path);
}

function badKey(path: string): CliError {
  return new CliError(
    'cli/bad-option',
    `--key: expected a P-256, P-384 or P-521 key in PEM, got something else in ${path}; make one with openssl ecparam -name prime256v1 -genkey -noout`,
  );
}
