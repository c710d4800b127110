import type { RunResult } from 'assay';
import type { JSX } from 'preact';
import { pathTo } from '../state/base.ts';
import { ButtonLink } from './button.tsx';
import { Download } from './download.tsx';
import { FileList } from './file-list.tsx';

/** Plots and downloads of a finished task. */
export function TaskResultView({ result }: { readonly result: RunResult }): JSX.Element {
  const { answer, bundle, files, receipt } = result;
  return (
    <>
      {Object.keys(files).length > 0 && <FileList files={files} />}
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
