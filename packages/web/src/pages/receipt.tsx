import { counted } from '@assay/encoding/counted';
import type { Agent } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Badge } from '../components/badge.tsx';
import { useBundleVerdict } from '../components/bundle-check.tsx';
import { ButtonLink } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { Code } from '../components/code.tsx';
import { CopyButton } from '../components/copy-button.tsx';
import { Download } from '../components/download.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Hash } from '../components/hash.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { StoryView } from '../components/story.tsx';
import { Tabs } from '../components/tabs.tsx';
import { VerdictChecks, VerdictNotice } from '../components/verdict.tsx';
import { Gate } from '../shell/gate.tsx';
import type { PageProps } from '../shell/pages.ts';
import { ProblemError, readBundle } from '../state/agent-reader.ts';
import { pathTo } from '../state/base.ts';
import { instantOf } from '../state/instants.ts';
import { TASK_LOOKS } from '../state/task-words.ts';
import type { Verification } from '../verifier/verification.ts';

/** One receipt: its verdict in this browser, its story, and the raw document. Its address is the link to share. */
export function ReceiptPage({ params }: PageProps): JSX.Element {
  const id = params?.id ?? '';
  return (
    <Gate fallback={(obstacle) => <Page title="Receipt">{obstacle}</Page>}>
      {({ agent }) => <Receipt key={id} agent={agent} id={id} />}
    </Gate>
  );
}

type Reading =
  | { readonly state: 'reading' }
  | { readonly state: 'failed'; readonly error: unknown }
  | { readonly state: 'read'; readonly bundle: Uint8Array };

function Receipt({ agent, id }: { readonly agent: Agent; readonly id: string }): JSX.Element {
  const [reading, setReading] = useState<Reading>({ state: 'reading' });
  const verification = useBundleVerdict(reading.state === 'read' ? reading.bundle : null);
  useEffect(() => {
    readBundle(agent, id).then(
      (bundle) => setReading({ state: 'read', bundle }),
      (error: unknown) => setReading({ state: 'failed', error }),
    );
  }, [agent, id]);
  const story = verification?.stories[0];
  return (
    <Page
      title={story?.title ?? 'Receipt'}
      lead={
        <>
          <a href={pathTo('receipts')}>Receipts</a> / <Hash value={id} what="receipt id" />
        </>
      }
      actions={reading.state === 'read' && <Actions agent={agent} id={id} bundle={reading.bundle} />}
    >
      {reading.state === 'failed' && <Unreadable error={reading.error} />}
      {reading.state !== 'failed' && verification === null && (
        <Card>
          <p aria-live="polite">{reading.state === 'reading' ? 'Reading the receipt…' : 'Verifying in this browser…'}</p>
          <div class="skeleton" />
          <div class="skeleton" />
        </Card>
      )}
      {reading.state === 'read' && verification !== null && <Verified bundle={reading.bundle} verification={verification} />}
    </Page>
  );
}

function Verified({ bundle, verification }: { readonly bundle: Uint8Array; readonly verification: Verification }): JSX.Element {
  const { verdict, stories } = verification;
  const story = stories[0];
  const raw = { id: 'raw', title: 'Raw JSON', content: () => <RawReceipt bundle={bundle} /> };
  const checks = {
    id: 'checks',
    title: counted(verdict.checks.length, 'check'),
    content: () => (
      <Card>
        <VerdictChecks verdict={verdict} />
      </Card>
    ),
  };
  return (
    <>
      <VerdictNotice verdict={verdict} />
      {story !== undefined && (
        <div class="row">
          <Badge tone={TASK_LOOKS[story.outcome].tone}>{TASK_LOOKS[story.outcome].word}</Badge>
          <span class="hint">{instantOf(story.time)}</span>
        </div>
      )}
      <Tabs
        label="Receipt"
        tabs={[
          ...(story === undefined
            ? []
            : [
                {
                  id: 'story',
                  title: 'Story',
                  content: () => (
                    <Card>
                      <StoryView story={story} />
                    </Card>
                  ),
                },
              ]),
          checks,
          raw,
        ]}
      />
    </>
  );
}

function Actions({
  agent,
  id,
  bundle,
}: {
  readonly agent: Agent;
  readonly id: string;
  readonly bundle: Uint8Array;
}): JSX.Element {
  return (
    <>
      <CopyButton text={new URL(pathTo(`receipts/${id}`), location.href).href} what="link to this receipt" word="Copy link" />
      <Download name={`${id}.bundle.json`} content={() => bundle as BlobPart}>
        Download bundle
      </Download>
      <Download
        name={`${id}.redacted.bundle.json`}
        content={async () => (await readBundle(agent, id, { redact: true })) as BlobPart}
      >
        Without payloads
      </Download>
    </>
  );
}

function Unreadable({ error }: { readonly error: unknown }): JSX.Element {
  if (error instanceof ProblemError && error.status === 404)
    return (
      <Card>
        <EmptyState
          icon="receipt"
          title="No receipt has this id"
          action={<ButtonLink href={pathTo('receipts')}>All receipts</ButtonLink>}
        >
          Check the address. Receipts are shown to the key that asked for them, and work that still runs has none yet.
        </EmptyState>
      </Card>
    );
  return (
    <Notice tone="fail" title="This receipt could not be read" role="alert">
      <p>{error instanceof Error ? error.message : String(error)}</p>
    </Notice>
  );
}

/** The signed document as it stands in the bundle. */
function RawReceipt({ bundle }: { readonly bundle: Uint8Array }): JSX.Element {
  return <Code text={rawReceiptOf(bundle)} language="json" />;
}

function rawReceiptOf(bundle: Uint8Array): string {
  const text = new TextDecoder().decode(bundle);
  try {
    const { receipts } = JSON.parse(text) as { readonly receipts: readonly { readonly receipt: unknown }[] };
    return JSON.stringify(receipts[0]?.receipt, null, 2);
  } catch {
    return text;
  }
}
