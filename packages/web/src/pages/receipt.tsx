import type { Agent } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { BundleCheck } from '../components/bundle-check.tsx';
import { Card } from '../components/card.tsx';
import { Code } from '../components/code.tsx';
import { CopyButton } from '../components/copy-button.tsx';
import { Download } from '../components/download.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { Tabs } from '../components/tabs.tsx';
import { Gate } from '../shell/gate.tsx';
import type { PageProps } from '../shell/pages.ts';
import { readBundle } from '../state/agent-reader.ts';
import { pathTo } from '../state/base.ts';

/** One receipt, verified in this browser. */
export function ReceiptPage({ params }: PageProps): JSX.Element {
  const id = params?.id ?? '';
  return (
    <Page
      title="Receipt"
      lead={
        <>
          <a href={pathTo('receipts')}>All receipts</a> / <span class="mono">{id}</span>
        </>
      }
    >
      <Gate>{({ agent }) => <Receipt agent={agent} id={id} />}</Gate>
    </Page>
  );
}

function Receipt({ agent, id }: { readonly agent: Agent; readonly id: string }): JSX.Element {
  const [bundle, setBundle] = useState<Uint8Array | null>(null);
  const [fault, setFault] = useState('');
  useEffect(() => {
    setBundle(null);
    setFault('');
    readBundle(agent, id).then(setBundle, (error: unknown) => setFault(error instanceof Error ? error.message : String(error)));
  }, [agent, id]);
  if (fault !== '')
    return (
      <Notice tone="fail" title="This receipt could not be read" role="alert">
        <p>{fault}</p>
      </Notice>
    );
  if (bundle === null) return <Card>Reading the receipt…</Card>;
  return (
    <>
      <div class="row">
        <Download name={`${id}.bundle.json`} content={() => bundle as BlobPart}>
          Download bundle
        </Download>
        <Download
          name={`${id}.redacted.bundle.json`}
          content={async () => (await readBundle(agent, id, { redact: true })) as BlobPart}
        >
          Without payloads
        </Download>
        <CopyButton text={location.href} what="link to this receipt" word="Copy link" />
      </div>
      <Tabs
        label="Receipt"
        tabs={[
          { id: 'verification', title: 'Verification', content: () => <BundleCheck bundle={bundle} /> },
          { id: 'raw', title: 'Raw JSON', content: () => <RawReceipts bundle={bundle} /> },
        ]}
      />
    </>
  );
}

/** The signed document as it stands in the bundle. */
function RawReceipts({ bundle }: { readonly bundle: Uint8Array }): JSX.Element {
  const { receipts } = JSON.parse(new TextDecoder().decode(bundle)) as {
    readonly receipts: readonly { readonly receipt: unknown }[];
  };
  return (
    <>
      {receipts.map(({ receipt }, index) => (
        <Code key={index} text={JSON.stringify(receipt, null, 2)} language="json" />
      ))}
    </>
  );
}
