import type { PolicyPreset } from '@assay/attestation';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { Code } from '../components/code.tsx';
import { Field } from '../components/field.tsx';
import { Icon } from '../components/icon.tsx';
import { Page } from '../components/page.tsx';
import { Timeline } from '../components/timeline.tsx';
import { VerdictView } from '../components/verdict.tsx';
import { keptRoot } from '../state/kept.ts';
import type { FilesAnswer } from '../verifier/files.ts';
import type { NamedBytes } from '../verifier/verification.ts';

const EVIDENCE_HINT =
  'Bundle, receipt, attestation.json, Nitro document, SGX or TDX quote, SNP report, GPU evidence, combined report, token. Drop companions (collateral, certificates, RIMs, key sets) with it, in any order.';

/** Verifies files in this browser; the page makes no request once the verifier is loaded. */
export function VerifyPage(): JSX.Element {
  const [files, setFiles] = useState<readonly NamedBytes[]>([]);
  const [at, setAt] = useState('');
  const [policy, setPolicy] = useState<PolicyPreset | ''>('');
  const [nonce, setNonce] = useState('');
  const [simulatedRoot, setSimulatedRoot] = useState<string | null>(keptRoot.get());
  const [over, setOver] = useState(false);
  const [answer, setAnswer] = useState<FilesAnswer | null>(null);

  const read = async (list: FileList | null | undefined, replace: boolean): Promise<void> => {
    const added: NamedBytes[] = [];
    for (const file of list ?? []) added.push({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
    setFiles((known) => (replace ? added : [...known, ...added]));
  };

  // Loaded with the page, so that it then works without a connection.
  useEffect(() => void import('../verifier/index.ts'), []);

  useEffect(() => {
    if (files.length === 0) return setAnswer(null);
    let current = true;
    void import('../verifier/index.ts')
      .then(({ verifyFiles }) => verifyFiles(files, { at, policy, nonce, simulatedRoot }))
      .then((found) => {
        if (current) setAnswer(found);
      });
    return () => {
      current = false;
    };
  }, [files, at, policy, nonce, simulatedRoot]);

  const fault = answer !== null && 'fault' in answer ? answer.fault : null;
  return (
    <Page title="Verify" lead="Check a file from this agent or any other, in your browser. Nothing leaves this page.">
      <section
        class={`drop ${over ? 'is-over' : ''}`}
        aria-label="Drop files here"
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void read(event.dataTransfer?.files, true);
        }}
      >
        <Icon name="upload" />
        <label for="evidence">Drop evidence here, or choose files</label>
        <input
          id="evidence"
          class="input"
          type="file"
          multiple
          aria-describedby="evidence-hint"
          onChange={(event) => void read(event.currentTarget.files, true)}
        />
        <p class="hint" id="evidence-hint">
          {EVIDENCE_HINT}
        </p>
      </section>
      <details>
        <summary>Time, policy, nonce, simulator's root</summary>
        <div class="stack">
          <Field
            id="at"
            label="Verify as of (RFC 3339; empty: now)"
            fault={fault === 'at' ? 'Expected an RFC 3339 instant, for example 2026-06-10T00:00:00Z.' : ''}
          >
            <input
              id="at"
              class="input"
              placeholder="2026-06-10T00:00:00Z"
              value={at}
              onInput={(event) => setAt(event.currentTarget.value.trim())}
            />
          </Field>
          <Field id="policy" label="Policy">
            <select
              id="policy"
              class="input"
              value={policy}
              onChange={(event) => setPolicy(event.currentTarget.value as PolicyPreset | '')}
            >
              <option value="">strict, measurements not checked</option>
              <option value="strict">strict</option>
              <option value="moderate">moderate</option>
              <option value="relaxed">relaxed</option>
            </select>
          </Field>
          <Field
            id="nonce"
            label="Nonce you sent (hex)"
            fault={fault === 'nonce' ? 'Expected pairs of hex digits, as you sent them.' : ''}
          >
            <input
              id="nonce"
              class="input mono"
              value={nonce}
              onInput={(event) => setNonce(event.currentTarget.value.trim())}
            />
          </Field>
          <Field id="root" label="Root certificate of a simulator (PEM, development only)">
            <input
              id="root"
              class="input"
              type="file"
              accept=".pem"
              onChange={(event) => void event.currentTarget.files?.[0]?.text().then(setSimulatedRoot)}
            />
          </Field>
        </div>
      </details>
      {files.length > 0 && (
        <div class="row">
          {files.map(({ name, bytes }, index) => (
            <span key={`${name}-${index}`} class="badge">
              {name} · {bytes.length} bytes
            </span>
          ))}
          <Button small onClick={() => setFiles([])}>
            Clear
          </Button>
          <label class="button is-plain is-small">
            Add companions
            <input type="file" multiple class="hidden" onChange={(event) => void read(event.currentTarget.files, false)} />
          </label>
        </div>
      )}
      {answer !== null && 'verification' in answer && <Result {...answer} />}
    </Page>
  );
}

function Result({ verification }: Extract<FilesAnswer, { verification: unknown }>): JSX.Element {
  const { verdict, receipts, claims } = verification;
  return (
    <Card>
      {verdict.type !== null && (
        <p>
          Recognised as <strong class="mono">{verdict.type}</strong>
        </p>
      )}
      <VerdictView verdict={verdict} />
      {receipts.map((receipt) => (
        <Timeline key={receipt.receipt_id} events={receipt.event_log} />
      ))}
      {claims !== null && (
        <details>
          <summary>Claims</summary>
          <Code text={JSON.stringify(claims, null, 2)} language="json" />
        </details>
      )}
    </Card>
  );
}
