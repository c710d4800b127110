/** The profile of a loaded model (spec/model-profile.md): which weights, which engine, which settings. Receipts name it by its digest. */

import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import { shippedFilesDigest } from './engine-files.ts';
import type { LoadedFacts } from './engine-messages.ts';
import { ENGINE_VERSION, type InstalledEngine, shippedLockDigest } from './engine-package.ts';
import { fileDigest } from './part-file.ts';

export interface ProfileFacts {
  readonly name: string;
  /** Without its folder. */
  readonly file: string;
  readonly loaded: LoadedFacts;
  readonly engine: InstalledEngine;
  readonly batchTokens: number;
}

export interface Profile {
  readonly name: string;
  /** JCS (RFC 8785). */
  readonly bytes: Uint8Array;
  /** Lower-case hex SHA-256 of {@link Profile.bytes}. */
  readonly sha256: string;
  /** Lower-case hex SHA-256 of the weights. */
  readonly modelSha256: string;
}

/** Writes the profile of what was loaded. */
export async function profileOf({ name, file, loaded, engine, batchTokens }: ProfileFacts): Promise<Profile> {
  const own = new Set(['node-llama-cpp', `@node-llama-cpp/${engine.platform}`]);
  const bytes = utf8(
    canonicalJson({
      type: 'assay/model-profile/1',
      model: { name, file, bytes: loaded.bytes, sha256: loaded.sha256, architecture: loaded.architecture },
      engine: {
        name: 'node-llama-cpp',
        version: ENGINE_VERSION,
        platform: engine.platform,
        llama_cpp: loaded.llamaCpp,
        processor: loaded.processor,
        lock_sha256: shippedLockDigest(),
        files_sha256: shippedFilesDigest(),
        packages: engine.packages.filter((each) => own.has(each.name)).map((each) => ({ ...each })),
        binaries: await binariesOf(engine),
      },
      settings: {
        context_tokens: loaded.contextTokens,
        batch_tokens: batchTokens,
        gpu: false,
        flash_attention: false,
        kv_type: 'F16',
        sequences: 1,
        chat_template_sha256: loaded.chatTemplateSha256,
      },
    }),
  );
  return { name, bytes, sha256: createHash('sha256').update(bytes).digest('hex'), modelSha256: loaded.sha256 };
}

/** Every native file of the engine with its digest, sorted by name. */
async function binariesOf({ directory, platform }: InstalledEngine): Promise<{ file: string; sha256: string }[]> {
  const folder = join(directory, 'node_modules', '@node-llama-cpp', platform, 'bins', platform);
  const files = (await readdir(folder)).filter((file) => /\.(?:so|node)$/.test(file)).sort();
  const signal = new AbortController().signal;
  return Promise.all(files.map(async (file) => ({ file, sha256: await fileDigest(join(folder, file), signal) })));
}
