/**
 * OpenSSF Model Signing of model files with a key, both ways (sigstore/model-transparency, PyPI `model-signing` 1.1.1). Stricter than the
 * reference verifier in one point: a file that the signer's `ignore_paths` hide is refused, unless the caller names it as well.
 */

import { ModelError } from '../errors.ts';
import { type ByteSource, type HashOptions, rangeDigest } from '../identity/byte-source.ts';
import { assertSigned, parseEnvelope, sealEnvelope } from './envelope.ts';
import {
  GIT_PATHS,
  parseManifest,
  rootOf,
  type SignedManifest,
  type SignedPiece,
  WHOLE_FILE,
  writeManifest,
} from './manifest.ts';

/** A file of the model; `name` is its path relative to the model's folder, with `/`, or `.` for a model that is one file. */
export type ModelFile = ByteSource;

export interface SignModelOptions extends HashOptions {
  /** Name of the model: its folder or file. */
  readonly name: string;
  readonly privateKey: CryptoKey;
  /** The public half: P-256, P-384 or P-521, DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Paths that were left out beside git's own, such as the signature inside of the folder. */
  readonly ignoredPaths?: readonly string[] | undefined;
}

/**
 * The signature file over these files: a Sigstore bundle, UTF-8 JSON.
 * @throws {ModelError} `signing/unsupported` for another kind of key, `model-file/incomplete` without files.
 * @example await writeFile('model.sig', await signModel(files, { name: 'smollm2', privateKey, spki }));
 */
export async function signModel(files: readonly ModelFile[], options: SignModelOptions): Promise<Uint8Array> {
  if (files.length === 0)
    throw new ModelError('model-file/incomplete', 'expected files to sign, got none; name the folder of a model');
  const ignoredPaths = [...GIT_PATHS, ...(options.ignoredPaths ?? [])];
  const pieces = await piecesOf(
    files.filter(({ name }) => !isBelow(name, ignoredPaths)),
    options,
  );
  return sealEnvelope(writeManifest({ name: options.name, pieces, ignoredPaths }), options);
}

export interface VerifyModelSignatureOptions extends HashOptions {
  /** The signer's public key, DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Paths that the caller leaves out beside git's own. A folder covers what is in it. */
  readonly ignoredPaths?: readonly string[] | undefined;
}

/**
 * Verifies the signature, then every file against it: each signed file is there, unchanged, and nothing else is.
 * @param files everything in the model's folder.
 * @throws {ModelError} `signing/malformed`, `signing/unsupported`, `signing/key-mismatch`, `signing/signature-invalid`,
 * `signing/file-missing`, `signing/file-changed`, `signing/file-unsigned`, `signing/file-ignored`.
 * @example const { rootDigest } = await verifyModelSignature(signature, files, { spki });
 */
export async function verifyModelSignature(
  signature: Uint8Array,
  files: readonly ModelFile[],
  options: VerifyModelSignatureOptions,
): Promise<SignedManifest> {
  const envelope = parseEnvelope(signature);
  await assertSigned(envelope, options.spki);
  const manifest = parseManifest(envelope.payload);
  const own = [...GIT_PATHS, ...(options.ignoredPaths ?? [])];
  const signed = piecesByPath(manifest);
  const byName = new Map(files.map((file) => [file.name, file]));
  for (const { name } of files) if (!signed.has(name) && !isBelow(name, own)) throw stranger(name, manifest);
  for (const [path, pieces] of signed) {
    const file = byName.get(path);
    if (file === undefined)
      throw new ModelError('signing/file-missing', `expected ${shown(path)}, got a model without it; fetch the model again`);
    assertCovered(file, pieces);
    for (const piece of pieces) await assertUnchanged(file, piece, options);
  }
  return manifest;
}

function stranger(name: string, { ignoredPaths }: SignedManifest): ModelError {
  if (isBelow(name, ignoredPaths))
    return new ModelError(
      'signing/file-ignored',
      `expected every file to be signed, got ${shown(name)}, which the signer chose to leave out; name it with --ignore if you accept that`,
    );
  return new ModelError(
    'signing/file-unsigned',
    `expected signed files only, got ${shown(name)}; remove it, or name it with --ignore if you accept it`,
  );
}

function isBelow(name: string, paths: readonly string[]): boolean {
  return paths.some((path) => name === path || name.startsWith(`${path.replace(/\/$/, '')}/`));
}

function piecesByPath({ pieces }: SignedManifest): ReadonlyMap<string, readonly SignedPiece[]> {
  const paths = new Map<string, SignedPiece[]>();
  for (const piece of pieces) paths.set(piece.path, [...(paths.get(piece.path) ?? []), piece]);
  return paths;
}

/** Shards must cover their file from the first byte to the last. */
function assertCovered(file: ModelFile, pieces: readonly SignedPiece[]): void {
  let end = 0;
  for (const { range } of pieces.toSorted((a, b) => (a.range?.start ?? 0) - (b.range?.start ?? 0))) {
    if (range === null) return;
    if (range.start !== end || range.end < range.start) throw changed(file.name);
    end = range.end;
  }
  if (end !== file.size) throw changed(file.name);
}

async function assertUnchanged(file: ModelFile, { range, digest }: SignedPiece, options: HashOptions): Promise<void> {
  const actual =
    range === null
      ? await wholeDigest(file, options)
      : await rangeDigest(file, { offset: range.start, length: range.end - range.start }, options);
  if (actual !== digest) throw changed(file.name);
}

function wholeDigest(file: ModelFile, options: HashOptions): Promise<string> {
  return rangeDigest(file, { offset: 0, length: file.size }, options);
}

function changed(name: string): ModelError {
  return new ModelError(
    'signing/file-changed',
    `expected ${shown(name)} as it was signed, got other bytes; do not use the model`,
  );
}

function shown(name: string): string {
  return name === WHOLE_FILE ? 'the file' : JSON.stringify(name.slice(0, 120));
}

/**
 * The root digest that a signature over these files would carry, lower-case hex. Git's own files are left out.
 * @example const root = await manifestRoot(files)
 */
export async function manifestRoot(files: readonly ModelFile[], options: HashOptions = {}): Promise<string> {
  const pieces = await piecesOf(
    files.filter(({ name }) => !isBelow(name, GIT_PATHS)),
    options,
  );
  return rootOf(pieces.toSorted((a, b) => (a.path < b.path ? -1 : 1)));
}

async function piecesOf(files: readonly ModelFile[], options: HashOptions): Promise<readonly SignedPiece[]> {
  const pieces: SignedPiece[] = [];
  for (const file of files) pieces.push({ path: file.name, range: null, digest: await wholeDigest(file, options) });
  return pieces;
}
