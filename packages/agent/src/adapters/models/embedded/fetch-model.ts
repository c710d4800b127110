/**
 * Fetches a model and the engine that runs it: room on the disk first, then the engine, then the file, from its vendor, a mirror, or
 * where the user says. A broken fetch goes on where it ended; only a file with the catalogue's digest gets its name.
 */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ServerError } from '../../../errors.ts';
import type { CatalogueModel, ModelSource } from './catalogue.ts';
import { type FreeBytes, needRoom } from './disk-space.ts';
import { download, reasonOf } from './download.ts';
import { installEngine } from './engine-package.ts';
import { takeFetchLock } from './fetch-lock.ts';
import { fileDigest, PartFile, removePart } from './part-file.ts';
import { makeModelsDirectory, modelFile } from './places.ts';
import { fromIndex, fromWheel } from './wheel-source.ts';

/** `engine`: npm installs it. `model`: bytes come. `checking`: a file that is there is read. */
export type FetchStep = 'engine' | 'model' | 'checking';

/** How far the fetch of a model is. */
export interface FetchStanding {
  readonly step: FetchStep;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Where the bytes come from, for people; `null` in other steps. */
  readonly source: string | null;
}

export interface FetchModelOptions {
  readonly dataDir: string;
  readonly signal: AbortSignal;
  readonly onStanding: (standing: FetchStanding) => void;
  /** A copy that the user names: a file, a wheel with the file in it, a folder, or a URL of one of them. Default: the catalogue's sources. */
  readonly from?: string | null | undefined;
  readonly free?: FreeBytes | undefined;
  /** First pause before a download is tried again, milliseconds. */
  readonly pauseMs?: number | undefined;
}

/** `fetched` is false when model and engine were there. */
export interface FetchedModel {
  readonly path: string;
  readonly fetched: boolean;
}

type Source = ModelSource | { readonly kind: 'file' | 'wheel-file'; readonly path: string };

/**
 * Fetches `model`, its engine first.
 *
 * @throws {ServerError} `model/fetch-failed`, `model/wrong-digest`, `model/disk-full`, `model/engine-unsupported`, `http/conflict` while
 * another process fetches; the signal's reason.
 * @example await fetchModel(catalogueModel('qwen2.5-coder-0.5b'), { dataDir: '.assay', signal, onStanding: () => {} });
 */
export async function fetchModel(model: CatalogueModel, options: FetchModelOptions): Promise<FetchedModel> {
  const { dataDir, signal, onStanding, free } = options;
  const directory = await makeModelsDirectory(dataDir);
  const release = await takeFetchLock(directory);
  const tell = (step: FetchStep, bytesDone: number, source: string | null = null): void =>
    onStanding({ step, bytesDone, bytesTotal: model.bytes, source });
  try {
    tell('engine', 0);
    await installEngine(dataDir, { signal, free });
    const path = modelFile(dataDir, model);
    tell('checking', 0);
    if (await isThere(path, model, signal)) return { path, fetched: false };
    await fill(model, path, options, tell);
    return { path, fetched: true };
  } finally {
    await release();
  }
}

type Tell = (step: FetchStep, bytesDone: number, source?: string | null) => void;

async function fill(model: CatalogueModel, path: string, options: FetchModelOptions, tell: Tell): Promise<void> {
  const { dataDir, signal, from = null, free } = options;
  const directory = await makeModelsDirectory(dataDir);
  const part = await PartFile.open(path, model, signal);
  let isDone = false;
  try {
    await needRoom(directory, model.bytes - part.length, free);
    const sources = from === null ? model.sources : [await namedSource(from, model)];
    const refusals: ServerError[] = [];
    for (const source of sources) {
      const shown = nameOf(source);
      tell('model', part.length, shown);
      try {
        await fillFrom(source, model, part, {
          ...options,
          scratch: directory,
          onBytes: (length) => tell('model', length, shown),
        });
        await part.finish();
        isDone = true;
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (!ServerError.is(error) || error.code === 'model/disk-full') throw error;
        refusals.push(error);
      }
    }
    throw refusalOf(refusals);
  } finally {
    const isEmpty = part.length === 0;
    await part.close();
    if (isEmpty && !isDone) await removePart(path);
  }
}

interface FillOptions extends FetchModelOptions {
  readonly scratch: string;
  readonly onBytes: (length: number) => void;
}

async function fillFrom(source: Source, model: CatalogueModel, part: PartFile, options: FillOptions): Promise<void> {
  switch (source.kind) {
    case 'url':
      return download(source.url, part, options);
    case 'wheel':
      return fromIndex(source, part, options);
    case 'wheel-file':
      return fromWheel(source.path, memberOf(model), part, options);
    case 'file':
      return fromFile(source.path, part, options);
  }
}

async function fromFile(path: string, part: PartFile, { signal, onBytes }: FillOptions): Promise<void> {
  await part.restart();
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024, signal })) {
      await part.append(piece as Uint8Array);
      onBytes(part.length);
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (ServerError.is(cause)) throw cause;
    throw new ServerError('model/fetch-failed', `${path} cannot be read: ${reasonOf(cause)}; check the path`, { cause });
  }
}

/** What `--from` means. */
async function namedSource(from: string, model: CatalogueModel): Promise<Source> {
  if (/^https?:\/\//.test(from)) {
    const url = URL.canParse(from) ? new URL(from) : null;
    if (url === null)
      throw new ServerError('model/fetch-failed', `expected a URL, a file or a folder, got ${JSON.stringify(from)}; check it`);
    if (!url.pathname.endsWith('.gguf')) url.pathname = `${url.pathname.replace(/\/$/, '')}/${model.file}`;
    return { kind: 'url', url: url.href };
  }
  const found = await stat(from).catch((cause: unknown) => {
    throw new ServerError('model/fetch-failed', `${from} cannot be read: ${reasonOf(cause)}; name a URL, a file or a folder`, {
      cause,
    });
  });
  if (found.isDirectory()) return { kind: 'file', path: join(from, model.file) };
  return { kind: /\.(?:whl|zip)$/.test(from) ? 'wheel-file' : 'file', path: from };
}

/** Where the file is in a wheel at hand. */
function memberOf({ sources, file }: CatalogueModel): string {
  const wheel = sources.find((source) => source.kind === 'wheel');
  return wheel?.kind === 'wheel' ? wheel.member : file;
}

function nameOf(source: Source): string {
  switch (source.kind) {
    case 'url':
      return new URL(source.url).host;
    case 'wheel':
      return `${source.package} ${source.version}`;
    case 'file':
    case 'wheel-file':
      return basename(source.path);
  }
}

async function isThere(path: string, model: CatalogueModel, signal: AbortSignal): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found !== null && found.size === model.bytes && (await fileDigest(path, signal)) === model.sha256;
}

/** One error for all sources; a wrong file says more than one that did not come. */
function refusalOf(refusals: readonly ServerError[]): ServerError {
  const [first, ...others] = [...refusals].sort((a, b) => rank(a) - rank(b));
  if (first === undefined)
    return new ServerError('model/fetch-failed', 'the catalogue names no source; name a copy with --from');
  if (others.length === 0) return first;
  const message = [first, ...others].map((error) => error.message.split('; ', 1)[0]).join('; ');
  return new ServerError(first.code, `${message}; name a copy with --from`, { cause: first });
}

const rank = ({ code }: ServerError): number => (code === 'model/wrong-digest' ? 0 : 1);
