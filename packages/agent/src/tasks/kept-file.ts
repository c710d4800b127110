/** A file that a task made itself: a payload of the receipt, named in it, and to be fetched like the files that code leaves behind. */

import { createHash } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import type { Artifact, TaskContext } from './task.ts';

export interface KeptFile {
  /** `sha256:` and hex. */
  readonly hash: string;
  readonly artifact: Artifact;
}

/** Keeps `text` under `path`, e.g. `/build/manifest.json`. */
export function keepFile({ draft }: TaskContext, path: string, mediaType: string, text: string): KeptFile {
  const bytes = utf8(text);
  const hash = draft.payload(path.slice(1), mediaType, bytes);
  draft.append({ type: 'file.collected', path, content_hash: hash, bytes: bytes.length, media_type: mediaType });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { hash, artifact: { path, mediaType, bytes: bytes.length, sha256 } };
}
