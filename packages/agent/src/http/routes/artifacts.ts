/** `/api/tasks/{id}/artifacts`: the files that a task left behind, from the payloads of its receipt. */

import type { SealedReceipt } from '@assay/ledger';
import { z } from 'zod';
import { ServerError } from '../../errors.ts';
import { storedAnswer } from '../answers.ts';
import type { Api } from '../api.ts';
import { sealedTask } from '../own-tasks.ts';
import { json, route } from '../route.ts';
import { bytesSchema } from '../schemas/bytes.ts';
import { artifactListSchema } from '../schemas/work.ts';
import type { Services } from './services.ts';

/** Media types a browser may show in place; everything else is downloaded. */
const SHOWN = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

const artifactList = route({
  method: 'get',
  path: '/api/tasks/{id}/artifacts',
  authority: 'key',
  tag: 'tasks',
  summary: 'Files the task left behind',
  params: z.object({ id: z.string() }),
  answers: { 200: json(artifactListSchema, 'list') },
  errors: { 404: 'no such task' },
});

const artifactFile = route({
  method: 'get',
  path: '/api/tasks/{id}/artifacts/{path+}',
  authority: 'key',
  tag: 'tasks',
  summary: 'A file the task left behind',
  params: z.object({ id: z.string(), path: z.string() }),
  answers: { 200: { description: 'its bytes, under its own media type', content: { '*/*': bytesSchema } } },
  errors: { 404: 'no such file' },
});

export function artifactRoutes(api: Api, services: Services): void {
  api.on(artifactList, async ({ c, params, reply }) => {
    const found = artifactsIn(await sealedTask(params.id, c, services));
    const artifacts = found.map(({ path, mediaType, bytes, hash }) => ({ path, mediaType, bytes, sha256: hash.slice(7) }));
    return reply(200, { artifacts });
  });
  api.on(artifactFile, async ({ c, params }) =>
    artifact(`/${params.path}`, await sealedTask(params.id, c, services), services),
  );
}

interface StoredArtifact {
  readonly path: string;
  readonly mediaType: string;
  readonly bytes: number;
  /** `sha256:<hex>`. */
  readonly hash: string;
}

/** What the receipt says was collected; the last attempt that left a path wins. */
function artifactsIn(sealed: SealedReceipt | null): readonly StoredArtifact[] {
  const found = new Map<string, StoredArtifact>();
  for (const event of sealed?.receipt.event_log ?? []) {
    const { type, path, content_hash, media_type, bytes } = event as Readonly<Record<string, unknown>>;
    if (type !== 'file.collected') continue;
    found.set(String(path), {
      path: String(path),
      mediaType: String(media_type),
      bytes: Number(bytes),
      hash: String(content_hash),
    });
  }
  return [...found.values()];
}

async function artifact(path: string, sealed: SealedReceipt | null, services: Services): Promise<Response> {
  const found = artifactsIn(sealed).find((candidate) => candidate.path === path);
  const bytes = sealed === null || found === undefined ? null : await services.ledger.payload(sealed, found.hash);
  if (found === undefined || bytes === null)
    throw new ServerError('http/not-found', 'the task left no such file; its answer lists the files it left');
  const name = path.slice(path.lastIndexOf('/') + 1);
  const disposition = SHOWN.has(found.mediaType) ? 'inline' : 'attachment';
  return storedAnswer(bytes, {
    headers: {
      'content-type': found.mediaType.startsWith('text/') ? `${found.mediaType}; charset=utf-8` : found.mediaType,
      'content-disposition': `${disposition}; filename*=UTF-8''${encodeURIComponent(name)}`,
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      etag: `"${found.hash.slice(7)}"`,
      'cache-control': 'private, max-age=31536000, immutable',
    },
  });
}
