/** What stands next to an image: its bill of materials (CycloneDX 1.6) and its provenance (in-toto Statement 1, SLSA provenance 1). Neither holds a time. */

import type { DebianPin } from './debian.ts';

export interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      { readonly version?: string; readonly integrity?: string; readonly license?: string; readonly link?: boolean }
    >
  >;
}

export interface Materials {
  /** Paths of the packages that are in the image, as the lock names them. */
  readonly installed: readonly string[];
  readonly lock: Lock;
  readonly debian: readonly DebianPin[];
  readonly node: { readonly package: string; readonly version: string; readonly integrity: string };
  readonly version: string;
}

const hexOf = (integrity: string): string => Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex');

export function billOfMaterials({ installed, lock, debian, node, version }: Materials): object {
  const npm = installed
    .map((path) => ({ path, ...lock.packages[path] }))
    .filter(({ link, integrity }) => link !== true && integrity !== undefined)
    .map(({ path, version: own = '', integrity = '', license }) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return {
        ...{
          type: 'library',
          name,
          version: own,
          purl: `pkg:npm/${name.replace('@', '%40')}@${own}`,
          'bom-ref': `${path}@${own}`,
        },
        hashes: [{ alg: 'SHA-512', content: hexOf(integrity) }],
        ...(license === undefined
          ? {}
          : { licenses: [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }] }),
      };
    });
  const system = debian.map(({ name, version: own, sha256 }) => ({
    ...{
      type: 'library',
      name,
      version: own,
      purl: `pkg:deb/debian/${name}@${encodeURIComponent(own)}?arch=amd64`,
      'bom-ref': `deb/${name}`,
    },
    hashes: [{ alg: 'SHA-256', content: sha256 }],
  }));
  const runtime = {
    ...{
      type: 'application',
      name: 'node',
      version: node.version,
      purl: `pkg:npm/${node.package}@${node.version}`,
      'bom-ref': 'node',
    },
    hashes: [{ alg: 'SHA-512', content: hexOf(node.integrity) }],
  };
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', name: 'assay', version, 'bom-ref': 'assay' } },
    components: [runtime, ...system, ...npm],
  };
}

export interface Made {
  /** Name → SHA-256 in hex. */
  readonly subjects: Readonly<Record<string, string>>;
  readonly repository: string;
  readonly commit: string;
  /** Files that differ from the commit; empty for a clean tree. */
  readonly changed: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly materials: Materials;
  readonly lockSha256: string;
}

export function provenance({ subjects, repository, commit, changed, parameters, materials, lockSha256 }: Made): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: Object.entries(subjects).map(([name, sha256]) => ({ name, digest: { sha256 } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'https://assay.local/build/image/v1',
        externalParameters: { repository, commit, ...parameters },
        internalParameters: {
          tree: changed.length === 0 ? 'clean' : 'DIRTY',
          ...(changed.length === 0
            ? {}
            : { changed: changed.slice(0, 100), warning: 'built from files that are in no commit' }),
        },
        resolvedDependencies: [
          // A dirty tree is not its commit, so the commit is then no dependency.
          ...(changed.length === 0 ? [{ uri: `git+${repository}`, digest: { gitCommit: commit } }] : []),
          { uri: 'package-lock.json', digest: { sha256: lockSha256 } },
          {
            uri: `pkg:npm/${materials.node.package}@${materials.node.version}`,
            digest: { sha512: hexOf(materials.node.integrity) },
          },
          ...materials.debian.map(({ name, version, sha256 }) => ({
            uri: `pkg:deb/debian/${name}@${encodeURIComponent(version)}`,
            digest: { sha256 },
          })),
        ],
      },
      runDetails: { builder: { id: 'https://assay.local/image/build.ts' } },
    },
  };
}
