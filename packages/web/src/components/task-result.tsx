import { encodeBase64 } from '@assay/encoding/base64';
import type { RunResult } from 'assay';
import type { JSX } from 'preact';
import { pathTo } from '../state/base.ts';
import { ButtonLink } from './button.tsx';
import { Card } from './card.tsx';
import { Download } from './download.tsx';

/** Only these are rendered, and only from bytes that begin as they should: a name proves nothing. */
const PICTURES: readonly (readonly [type: string, magic: readonly number[]])[] = [
  ['image/png', [0x89, 0x50, 0x4e, 0x47]],
  ['image/jpeg', [0xff, 0xd8, 0xff]],
  ['image/gif', [0x47, 0x49, 0x46, 0x38]],
  ['image/webp', [0x52, 0x49, 0x46, 0x46]],
];

function pictureType(bytes: Uint8Array): string | null {
  return PICTURES.find(([, magic]) => magic.every((byte, at) => bytes[at] === byte))?.[0] ?? null;
}

/** Files the code left behind, each with the hash that the receipt names. Pictures are shown. */
function Files({ files }: { readonly files: RunResult['files'] }): JSX.Element {
  return (
    <Card title="Files">
      {Object.entries(files).map(([path, bytes]) => {
        const type = pictureType(bytes);
        return (
          <figure key={path} class="stack-sm">
            {type !== null && <img class="plot" src={`data:${type};base64,${encodeBase64(bytes)}`} alt={`Plot ${path}`} />}
            <figcaption class="row">
              <Download
                name={path.split('/').at(-1) ?? 'file'}
                content={() => bytes as BlobPart}
                type="application/octet-stream"
              >
                {path}
              </Download>
              <span class="hint">{bytes.length} bytes</span>
            </figcaption>
          </figure>
        );
      })}
    </Card>
  );
}

/** Plots and downloads of a finished task. */
export function TaskResultView({ result }: { readonly result: RunResult }): JSX.Element {
  const { answer, bundle, files, receipt } = result;
  return (
    <>
      {Object.keys(files).length > 0 && <Files files={files} />}
      <div class="row">
        <Download name="attestation.json" content={() => JSON.stringify(answer, null, 2)}>
          Download Attestation
        </Download>
        <Download name={`${receipt.receipt_id}.bundle.json`} content={() => bundle as BlobPart}>
          Download bundle
        </Download>
        <ButtonLink small icon="receipt" href={pathTo(`receipts/${receipt.receipt_id}`)}>
          Receipt
        </ButtonLink>
      </div>
    </>
  );
}
