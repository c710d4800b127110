/** An image in OCI layout (opencontainers/image-spec 1.1): one layer, one configuration, one manifest, every blob under its digest. */

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

export interface OciImage {
  /** Path below the layout → bytes. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** `sha256:…` of the manifest: what a reference by digest names. */
  readonly digest: string;
}

export interface OciOptions {
  /** The root filesystem, tar. */
  readonly layer: Uint8Array;
  readonly command: readonly string[];
  readonly environment: readonly string[];
  /** Epoch seconds. */
  readonly time: number;
  readonly labels: Readonly<Record<string, string>>;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

export function ociImage({ layer, command, environment, time, labels }: OciOptions): OciImage {
  const packed = gzipSync(layer, { level: 9 });
  packed[9] = 0xff; // the operating system that packed it: unknown
  const created = new Date(time * 1000).toISOString().replace('.000Z', 'Z');
  const config = json({
    created,
    architecture: 'amd64',
    os: 'linux',
    config: {
      User: '0:0',
      Env: environment,
      Entrypoint: command,
      WorkingDir: '/var/lib/assay',
      Labels: labels,
      Volumes: { '/var/lib/assay': {} },
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created, created_by: 'image/build.ts' }],
  });
  const described = (mediaType: string, bytes: Uint8Array) => ({
    mediaType,
    digest: `sha256:${sha256(bytes)}`,
    size: bytes.length,
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: described('application/vnd.oci.image.config.v1+json', config),
    layers: [described('application/vnd.oci.image.layer.v1.tar+gzip', packed)],
  });
  const listed = described('application/vnd.oci.image.manifest.v1+json', manifest);
  const index = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ ...listed, platform: { architecture: 'amd64', os: 'linux' } }],
  });
  const blobs = [packed, config, manifest].map((bytes) => [`blobs/sha256/${sha256(bytes)}`, bytes] as const);
  return {
    files: new Map([['oci-layout', json({ imageLayoutVersion: '1.0.0' })], ['index.json', index], ...blobs]),
    digest: listed.digest,
  };
}
