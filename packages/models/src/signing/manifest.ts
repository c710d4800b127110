/**
 * The statement inside an OpenSSF Model Signing file: in-toto Statement v1 with predicate `https://model_signing/signature/v1.0`
 * (sigstore/model-transparency, `_signing/signing.py`): every file, or every shard of one, with its SHA-256.
 */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { isJsonObject, type Json, type JsonObject } from '@assay/encoding/json';
import { hexDigest } from '../identity/byte-source.ts';
import { jsonOf, malformed, objectOf, unsupported } from './envelope.ts';

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'https://model_signing/signature/v1.0';
const MAX_RESOURCES = 65_536;
/** What stands for the model when it is one file. */
export const WHOLE_FILE = '.';
/** What signers leave out by default. */
export const GIT_PATHS: readonly string[] = ['.git', '.gitattributes', '.github', '.gitignore'];

/** A file of the model, or a range of one. */
export interface SignedPiece {
  /** Relative to the model, with `/`; {@link WHOLE_FILE} when the model is one file. */
  readonly path: string;
  /** Bytes; `null` for the whole file. */
  readonly range: { readonly start: number; readonly end: number } | null;
  /** Lower-case hex SHA-256. */
  readonly digest: string;
}

export interface SignedManifest {
  /** The signer's name of the model: its folder. */
  readonly name: string;
  /** Lower-case hex: SHA-256 over all digests in order. */
  readonly rootDigest: string;
  readonly pieces: readonly SignedPiece[];
  /** Paths that the signer left out. */
  readonly ignoredPaths: readonly string[];
}

/** @throws {ModelError} `signing/malformed`, `signing/unsupported`. */
export function parseManifest(payload: Uint8Array): SignedManifest {
  const statement = objectOf(jsonOf(payload, 'a statement'), 'a statement');
  if (statement._type !== STATEMENT_TYPE) throw malformed(`a statement of type ${STATEMENT_TYPE}`);
  if (statement.predicateType !== PREDICATE_TYPE)
    throw unsupported(`predicate ${PREDICATE_TYPE}, got ${JSON.stringify(String(statement.predicateType).slice(0, 80))}`);
  const predicate = objectOf(statement.predicate, 'a predicate');
  const serialization = objectOf(predicate.serialization, 'serialization');
  const { method, hash_type: hashType = 'sha256' } = serialization;
  if (method !== 'files' && method !== 'shards')
    throw unsupported(`serialization by files or shards, got ${JSON.stringify(String(method).slice(0, 40))}`);
  if (!String(hashType).startsWith('sha256'))
    throw unsupported(`SHA-256, got ${JSON.stringify(String(hashType).slice(0, 40))}`);
  const pieces = listOf(predicate.resources, 'resources').map((resource) => pieceOf(resource, method === 'shards'));
  if (pieces.length > MAX_RESOURCES) throw malformed(`at most ${MAX_RESOURCES} resources`);
  assertUnique(pieces);
  const { name, rootDigest } = subjectOf(statement.subject);
  if (rootOf(pieces) !== rootDigest) throw malformed('a root digest over the resources');
  const ignored = serialization.ignore_paths === undefined ? [] : listOf(serialization.ignore_paths, 'ignore_paths');
  return { name, rootDigest, pieces, ignoredPaths: ignored.map(String) };
}

/** The statement over whole files, as the reference signer writes it. */
export function writeManifest(model: Pick<SignedManifest, 'name' | 'pieces' | 'ignoredPaths'>): Uint8Array {
  const pieces = model.pieces.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: model.name, digest: { sha256: rootOf(pieces) } }],
    predicateType: PREDICATE_TYPE,
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: model.ignoredPaths },
      resources: pieces.map(({ path, digest }) => ({ algorithm: 'sha256', digest, name: path })),
    },
  };
  return utf8(JSON.stringify(statement));
}

/** SHA-256 over all digests in order, hex. */
export function rootOf(pieces: readonly SignedPiece[]): string {
  return hexDigest(concatBytes(...pieces.map(({ digest }) => decodeHex(digest))));
}

function subjectOf(value: Json | undefined): { readonly name: string; readonly rootDigest: string } {
  const [subject, ...others] = listOf(value, 'subject');
  if (!isJsonObject(subject) || others.length > 0) throw malformed('one subject');
  const digest = objectOf(subject.digest, 'a digest');
  if (typeof subject.name !== 'string' || typeof digest.sha256 !== 'string') throw malformed('a subject with name and SHA-256');
  return { name: subject.name, rootDigest: digest.sha256 };
}

function pieceOf(value: Json, sharded: boolean): SignedPiece {
  if (!isJsonObject(value)) throw malformed('an object for each resource');
  const { name, digest, algorithm } = value as JsonObject;
  if (typeof algorithm !== 'string' || !algorithm.startsWith('sha256'))
    throw unsupported(`SHA-256, got ${JSON.stringify(String(algorithm).slice(0, 40))}`);
  if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest))
    throw malformed('64 lower-case hex digits for each resource');
  if (typeof name !== 'string') throw malformed('a name for each resource');
  const { path, range } = sharded ? shardOf(name) : { path: name, range: null };
  if (!isInside(path)) throw malformed('paths inside of the model');
  return { path, range, digest };
}

/** `path:start:end`; the path may hold colons. */
function shardOf(name: string): Pick<SignedPiece, 'path' | 'range'> {
  const [end = '', start = '', ...path] = name.split(':').reverse();
  if (path.length === 0 || ![start, end].every((part) => /^[0-9]{1,15}$/.test(part)))
    throw malformed('path:start:end for each shard');
  return { path: path.reverse().join(':'), range: { start: Number(start), end: Number(end) } };
}

/** A relative path without ways out. */
function isInside(path: string): boolean {
  if (path === WHOLE_FILE) return true;
  return !/[\\\0]/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function assertUnique(pieces: readonly SignedPiece[]): void {
  const names = new Set(pieces.map(({ path, range }) => `${path}\0${range?.start ?? ''}`));
  if (names.size !== pieces.length) throw malformed('each resource once');
}

function listOf(value: Json | undefined, what: string): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[];
  throw malformed(`a list of ${what}`);
}
