import '../style/theme.css';
import { type PolicyPreset, parseInstant } from '@assay/attestation';
import { type JSX, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Layout } from '../components/layout.tsx';
import { Receipts } from '../components/receipts.tsx';
import { VerdictView } from '../components/verdict.tsx';
import { type NamedBytes, type Verification, verifyInBrowser } from '../state/verification.ts';

const EVIDENCE_HINT =
  'Bundle, receipt, attestation.json, Nitro document, SGX or TDX quote, SNP report, GPU evidence, combined report, token. Drop companions (collateral, certificates, RIMs, key sets) with it, in any order.';

function VerifyPage(): JSX.Element {
  const [files, setFiles] = useState<readonly NamedBytes[]>([]);
  const [at, setAt] = useState('');
  const [policy, setPolicy] = useState<PolicyPreset | ''>('');
  const [nonce, setNonce] = useState('');
  const [simulatedRoot, setSimulatedRoot] = useState<string | null>(null);
  const [over, setOver] = useState(false);
  const [verification, setVerification] = useState<Verification | null>(null);

  const read = async (list: FileList | null | undefined, replace: boolean): Promise<void> => {
    const added: NamedBytes[] = [];
    for (const file of list ?? []) added.push({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
    setFiles((known) => (replace ? added : [...known, ...added]));
  };

  useEffect(() => {
    if (files.length === 0) return setVerification(null);
    const instant = at === '' ? Date.now() : parseInstant(at);
    if (instant === null) return setVerification(null);
    let current = true;
    const asked = /^(?:[0-9a-f]{2})+$/i.test(nonce) ? { nonce } : {};
    const options = { now: instant, simulatedRoot, ...(policy === '' ? {} : { policy }), ...asked };
    void verifyInBrowser(files, options).then((found) => {
      if (current) setVerification(found);
    });
    return () => {
      current = false;
    };
  }, [files, at, policy, nonce, simulatedRoot]);

  return (
    <Layout page="verify">
      <h1>Verify</h1>
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
        <label for="evidence">Drop evidence here, or choose files</label>
        <input id="evidence" type="file" multiple onChange={(event) => void read(event.currentTarget.files, true)} />
        <p class="hint">{EVIDENCE_HINT}</p>
        <p class="hint">Nothing leaves this page: it makes no request, and it works offline.</p>
      </section>
      <details class="card">
        <summary>Time, policy, nonce, simulator's root</summary>
        <div class="field">
          <label for="at">Verify as of (RFC 3339; empty: now)</label>
          <input
            id="at"
            placeholder="2026-06-10T00:00:00Z"
            value={at}
            onInput={(event) => setAt(event.currentTarget.value.trim())}
          />
          {at !== '' && parseInstant(at) === null && (
            <p role="alert">Expected an RFC 3339 instant, for example 2026-06-10T00:00:00Z.</p>
          )}
        </div>
        <div class="field">
          <label for="policy">Policy</label>
          <select id="policy" value={policy} onChange={(event) => setPolicy(event.currentTarget.value as PolicyPreset | '')}>
            <option value="">strict, measurements not checked</option>
            <option value="strict">strict</option>
            <option value="moderate">moderate</option>
            <option value="relaxed">relaxed</option>
          </select>
        </div>
        <div class="field">
          <label for="nonce">Nonce you sent (hex)</label>
          <input id="nonce" class="mono" value={nonce} onInput={(event) => setNonce(event.currentTarget.value.trim())} />
        </div>
        <div class="field">
          <label for="root">Root certificate of a simulator (PEM, development only)</label>
          <input
            id="root"
            type="file"
            accept=".pem"
            onChange={(event) => void event.currentTarget.files?.[0]?.text().then(setSimulatedRoot)}
          />
        </div>
      </details>
      {files.length > 0 && (
        <div class="row">
          {files.map(({ name, bytes }, index) => (
            <span key={`${name}-${index}`} class="badge is-open">
              {name} · {bytes.length} bytes
            </span>
          ))}
          <button type="button" class="small" onClick={() => setFiles([])}>
            Clear
          </button>
          <label class="button small">
            Add companions
            <input type="file" multiple class="skip" onChange={(event) => void read(event.currentTarget.files, false)} />
          </label>
        </div>
      )}
      {verification && (
        <section class="card stack">
          {verification.verdict.type !== null && (
            <p>
              Recognised as <strong class="mono">{verification.verdict.type}</strong>
            </p>
          )}
          <VerdictView verification={verification} />
          <Receipts verification={verification} />
          {verification.claims !== null && (
            <details>
              <summary>Claims</summary>
              <pre>{JSON.stringify(verification.claims, null, 2)}</pre>
            </details>
          )}
        </section>
      )}
    </Layout>
  );
}

const root = document.getElementById('page');
if (root) render(<VerifyPage />, root);
