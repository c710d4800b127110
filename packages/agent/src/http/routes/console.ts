/**
 * The web console: files built from `packages/web`, read into memory once, so that no request names a path on this machine.
 * Without a build a plain page says what there is.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join, relative, sep } from 'node:path';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { Api } from '../api.ts';
import { route } from '../route.ts';
import { bytesSchema, textSchema } from '../schemas/bytes.ts';

const require = createRequire(import.meta.url);

interface ConsoleFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
}

/** URL path → file. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

/** Addresses of the console's one page, as `packages/web/src/shell/pages.ts` knows them. */
const PAGES = [
  '/developer',
  '/tasks',
  '/tasks/{id}',
  '/chat',
  '/verify',
  '/receipts',
  '/receipts/{id}',
  '/contracts',
  '/contracts/{id}',
  '/owners',
  '/status',
] as const;
const HTML = 'text/html; charset=utf-8';
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

/**
 * The built console beside this package, or `null`.
 * @example const files = loadConsole(consoleDirectory())
 */
export function consoleDirectory(): string | null {
  try {
    return join(dirname(require.resolve('@assay/web/package.json')), 'dist');
  } catch {
    return null;
  }
}

/**
 * The files below `directory`; none when it is not there.
 * @example const files = loadConsole(consoleDirectory())
 */
export function loadConsole(directory: string | null): ConsoleFiles {
  const files = new Map<string, ConsoleFile>();
  if (directory === null) return files;
  let names: readonly string[];
  try {
    names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  } catch {
    return files;
  }
  for (const name of names) {
    const path = join(directory, name);
    const mediaType = MEDIA_TYPES[extname(name)];
    if (mediaType === undefined || !statSync(path).isFile()) continue;
    files.set(`/${relative(directory, path).split(sep).join('/')}`, { bytes: new Uint8Array(readFileSync(path)), mediaType });
  }
  return files;
}

const page = <const Path extends string>(path: Path) =>
  route({
    method: 'get',
    path,
    authority: 'public',
    tag: 'console',
    summary: `Page ${path} of the console`,
    params: z.object(Object.fromEntries([...path.matchAll(/\{([a-z]+)\}/g)].map(([, name = '']) => [name, z.string()]))),
    answers: { 200: { description: 'page', content: { 'text/html': textSchema } } },
  });

const start = route({
  method: 'get',
  path: '/',
  authority: 'public',
  tag: 'console',
  summary: 'The console',
  answers: { 302: { description: 'its first page', content: {} } },
});

const assets = route({
  method: 'get',
  path: '/assets/{path+}',
  authority: 'public',
  tag: 'console',
  summary: 'A file of the console',
  params: z.object({ path: z.string() }),
  answers: { 200: { description: 'the file, under its own media type', content: { '*/*': bytesSchema } } },
  errors: { 404: 'no such file' },
});

export function consoleRoutes(api: Api, files: ConsoleFiles): void {
  api.on(start, ({ c }) => c.redirect('/developer', 302));
  for (const path of PAGES) api.on(page(path), () => consolePage(files, path));
  api.on(assets, ({ c }) => {
    const file = files.get(c.req.path);
    if (file === undefined) throw new ServerError('http/not-found', 'the console has no such file; load the page again');
    return send(file);
  });
}

/**
 * The console at an address; it finds out itself which page that is. Its assets are named relative to the page, so that an agent may
 * stand below any path.
 */
export function consolePage(files: ConsoleFiles, path: string, status = 200): Response {
  const file = files.get('/index.html');
  const depth = path.split('/').length - 2;
  const text =
    file === undefined
      ? FALLBACK
      : new TextDecoder().decode(file.bytes).replaceAll('"./assets/', `"${'../'.repeat(depth)}./assets/`);
  return new Response(text, { status, headers: { 'content-type': HTML, 'cache-control': 'no-cache' } });
}

function send(file: ConsoleFile): Response {
  return new Response(file.bytes, {
    headers: {
      'content-type': file.mediaType,
      'cache-control': 'public, max-age=31536000, immutable',
    },
  });
}

const FALLBACK = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Assay</title></head>
<body><main><h1>Assay</h1>
<p>The agent runs. The console was not built; run <code>npm run build:web</code> and start it again.</p>
<ul><li><a href="/api/status">status</a></li><li><a href="/api/receipts">receipts</a></li><li><a href="/openapi.json">API</a></li>
<li><a href="/v1/aci/attestation">attestation</a></li><li><a href="/log/checkpoint">log</a></li></ul>
</main></body></html>
`;
