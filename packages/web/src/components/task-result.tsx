import { encodeBase64 } from '@assay/encoding/base64';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type ArtifactLink, getBytes, type TaskResult } from '../state/agent-api.ts';
import { Download } from './download.tsx';

/** Files the code left behind. Pictures are shown; the type was found from the bytes by the agent, and only pictures are rendered. */
function Artifacts({ artifacts }: { readonly artifacts: readonly ArtifactLink[] }): JSX.Element {
  const [pictures, setPictures] = useState<Readonly<Record<string, string>>>({});
  useEffect(() => {
    for (const { path, url, media_type } of artifacts) {
      if (!/^image\/(png|jpeg|gif|webp)$/.test(media_type)) continue;
      getBytes(url).then(
        (bytes) => setPictures((known) => ({ ...known, [path]: `data:${media_type};base64,${encodeBase64(bytes)}` })),
        () => undefined,
      );
    }
  }, [artifacts]);
  return (
    <section class="card" aria-label="Files">
      <h2>Files</h2>
      {artifacts.map(({ path, url, bytes, sha256 }) => (
        <figure key={path} style="margin:0 0 1rem">
          {pictures[path] !== undefined && <img class="plot" src={pictures[path]} alt={`Plot ${path}`} />}
          <figcaption class="hint mono">
            <a href={url} download>
              {path}
            </a>{' '}
            · {bytes} bytes · sha256 {sha256.slice(0, 16)}…
          </figcaption>
        </figure>
      ))}
    </section>
  );
}

/** Output, plots and downloads of a finished task. */
export function TaskResultView({
  result,
  bundle,
}: {
  readonly result: TaskResult;
  readonly bundle: Uint8Array | null;
}): JSX.Element {
  const artifacts = result.artifacts ?? [];
  return (
    <>
      {artifacts.length > 0 && <Artifacts artifacts={artifacts} />}
      <div class="row">
        <Download name="attestation.json" content={() => JSON.stringify(result, null, 2)}>
          Download Attestation
        </Download>
        {bundle && (
          <Download name={`${result.receipt_id}.bundle.json`} content={() => bundle as BlobPart}>
            Download bundle
          </Download>
        )}
        <a class="button small" href={`./receipts#${result.receipt_id}`}>
          Receipt
        </a>
      </div>
    </>
  );
}
