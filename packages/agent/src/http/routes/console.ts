/**
 * The web console: files built from `packages/web`, read into memory once, so that no request names a path on this machine.
 * Without a build a plain page says what there is.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import type { Api } from '../api.ts';
import { route } from '../route.ts';
import { bytesSchema, textSchema } from '../schemas/bytes.ts';

interface ConsoleFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
}

/** URL path → file. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

const PAGES = ['developer', 'chat', 'verify', 'receipts', 'status'] as const;
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

/** The files below `directory`; none when it is not there. */
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

const page = <const Path extends string>(path: Path, summary: string) =>
  route({
    method: 'get',
    path,
    authority: 'public',
    tag: 'console',
    summary,
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
  for (const name of PAGES)
    api.on(page(`/${name}`, `Page "${name}" of the console`), () =>
      send(files.get(`/${name}.html`) ?? { bytes: fallback(name), mediaType: 'text/html; charset=utf-8' }, false),
    );
  api.on(assets, ({ c }) => {
    const file = files.get(c.req.path);
    if (file === undefined) throw new ServerError('http/not-found', 'the console has no such file; load the page again');
    return send(file, true);
  });
}

function send(file: ConsoleFile, immutable: boolean): Response {
  return new Response(file.bytes, {
    headers: {
      'content-type': file.mediaType,
      'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    },
  });
}

function fallback(page: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    Buffer.from(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Assay: ${page}</title></head>
<body><main><h1>Assay</h1>
<p>The agent runs. The console was not built; run <code>npm run build:web</code> and start it again.</p>
<ul><li><a href="/api/status">status</a></li><li><a href="/api/receipts">receipts</a></li><li><a href="/openapi.json">API</a></li>
<li><a href="/v1/aci/attestation">attestation</a></li><li><a href="/log/checkpoint">log</a></li></ul>
</main></body></html>
`),
  );
}
