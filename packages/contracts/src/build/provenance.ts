/**
 * The provenance of a build: an in-toto Statement v1 with SLSA provenance v1 (spec/contract-build.md §5). Pure; signing it is the caller's.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson } from '@assay/encoding/json';
import { type BuildManifest, buildHash } from './manifest.ts';

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'https://slsa.dev/provenance/v1';
export const BUILD_TYPE = 'urn:assay:contract-build:1';

/** An npm package that sources were taken from, as the client says. */
export interface SourcePackage {
  readonly name: string;
  readonly version: string;
  /** `sha512-…`. */
  readonly integrity: string;
}

export interface ProvenanceFacts {
  readonly manifest: BuildManifest;
  /** The compiler's npm package. */
  readonly compiler: { readonly version: string; readonly integrity: string };
  readonly packages: readonly SourcePackage[];
  /** Digest of the keyset whose key signs. */
  readonly keysetDigest: string;
  readonly receiptId: string;
}

/**
 * The statement, as the text that is signed: JCS.
 * @example signEnvelope(signer, provenanceText(facts))
 */
export function provenanceText({ manifest, compiler, packages, keysetDigest, receiptId }: ProvenanceFacts): string {
  const { contracts, sources, input_hash, settings_hash } = manifest;
  const built = contracts.flatMap(({ source, name, creation }) =>
    creation === null ? [] : [{ name: `${source}:${name}`, digest: sha256(creation.hash) }],
  );
  return canonicalJson({
    _type: STATEMENT_TYPE,
    subject: [{ name: 'build/manifest.json', digest: sha256(buildHash(manifest)) }, ...built],
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { input_hash, settings_hash },
        internalParameters: {},
        resolvedDependencies: [
          { ...packageOf({ name: 'solc', ...compiler }), annotations: { soljson: manifest.compiler.hash, word: 'agent' } },
          ...sources.map(({ path, hash }) => ({ name: path, digest: sha256(hash) })),
          ...packages.map((each) => ({ ...packageOf(each), annotations: { word: 'client' } })),
        ],
      },
      runDetails: { builder: { id: `urn:assay:keyset:${keysetDigest}` }, metadata: { invocationId: receiptId } },
    },
  });
}

function packageOf({ name, version, integrity }: SourcePackage) {
  return {
    uri: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    digest: { sha512: encodeHex(decodeBase64(integrity.slice('sha512-'.length))) },
  };
}

function sha256(hash: string): { readonly sha256: string } {
  return { sha256: hash.slice('sha256:'.length) };
}
