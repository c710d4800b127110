import '../style/theme.css';
import { type Verdict, verdictOf } from 'assay';
import { type JSX, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { BundleCheck } from '../components/bundle-check.tsx';
import { Download } from '../components/download.tsx';
import { Layout } from '../components/layout.tsx';
import { UnverifiedAgent } from '../components/unverified-agent.tsx';
import { getBundle, getJson } from '../state/agent-connection.ts';

interface ReceiptSummary {
  readonly receipt_id: string;
  readonly task: string;
  readonly served_at: number;
  readonly log_index: number | null;
  readonly state: 'running' | 'sealed' | 'interrupted';
  /** Where the next page begins. */
  readonly cursor: number;
}

const PAGE_SIZE = 50;

function ReceiptsPage(): JSX.Element {
  const [receipts, setReceipts] = useState<readonly ReceiptSummary[] | null>(null);
  const [selected, setSelected] = useState(location.hash.slice(1));
  const [bundle, setBundle] = useState<Uint8Array | null>(null);
  const [fault, setFault] = useState('');
  const [refused, setRefused] = useState<Verdict | null>(null);

  const failed = (error: unknown): void => {
    const verdict = verdictOf(error);
    if (verdict === null) setFault(String(error));
    else setRefused(verdict);
  };

  const load = async (): Promise<void> => {
    const last = receipts?.at(-1);
    const before = last ? `&before=${last.cursor}` : '';
    const { receipts: page } = await getJson<{ readonly receipts: readonly ReceiptSummary[] }>(
      `api/receipts?limit=${PAGE_SIZE}${before}`,
    );
    setReceipts([...(receipts ?? []), ...page]);
  };

  useEffect(() => {
    load().catch(failed);
    const follow = (): void => setSelected(location.hash.slice(1));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);

  useEffect(() => {
    setBundle(null);
    if (selected === '') return;
    getBundle(selected).then(setBundle, failed);
  }, [selected]);

  return (
    <Layout page="receipts">
      <h1>Receipts</h1>
      <p class="hint">
        Every piece of work leaves one: signed, logged, checkable by anyone. Choose one to verify it in this browser.
      </p>
      {fault !== '' && (
        <div class="verdict is-fail" role="alert">
          {fault}
        </div>
      )}
      {refused !== null && (
        <UnverifiedAgent
          verdict={refused}
          onNamed={() => {
            setRefused(null);
            load().catch(failed);
          }}
        />
      )}
      <div class="columns">
        <section class="card scroll" aria-label="List of receipts">
          {receipts?.length === 0 && <p>None yet.</p>}
          {receipts !== null && receipts.length > 0 && (
            <table>
              <thead>
                <tr>
                  <th scope="col">Log</th>
                  <th scope="col">Task</th>
                  <th scope="col">Served</th>
                  <th scope="col">Receipt</th>
                </tr>
              </thead>
              <tbody>
                {receipts.map((receipt) => (
                  <tr key={receipt.receipt_id}>
                    <td>{receipt.log_index ?? '—'}</td>
                    <td class="mono">
                      {receipt.task} {receipt.state !== 'sealed' && <span class="badge is-open">{receipt.state}</span>}
                    </td>
                    <td>{new Date(receipt.served_at * 1000).toLocaleString()}</td>
                    <td class="mono">
                      <a href={`#${receipt.receipt_id}`} aria-current={receipt.receipt_id === selected}>
                        {receipt.receipt_id.slice(0, 17)}…
                      </a>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {receipts !== null && receipts.length > 0 && receipts.length % PAGE_SIZE === 0 && (
            <button type="button" class="small" onClick={() => void load().catch(failed)}>
              Older
            </button>
          )}
        </section>
        <div class="stack">
          {bundle && (
            <>
              <div class="row">
                <Download name={`${selected}.bundle.json`} content={() => bundle as BlobPart}>
                  Download bundle
                </Download>
                <Download
                  name={`${selected}.redacted.bundle.json`}
                  content={async () => (await getBundle(selected, { redact: true })) as BlobPart}
                >
                  Without payloads
                </Download>
              </div>
              <BundleCheck bundle={bundle} />
            </>
          )}
        </div>
      </div>
    </Layout>
  );
}

const root = document.getElementById('page');
if (root) render(<ReceiptsPage />, root);
