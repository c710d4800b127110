import type { AttestedBuild, AuditSummary, ContractCheck } from 'assay/contracts';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { findWallet } from '../state/wallet.ts';
import { Button } from './button.tsx';
import { Download } from './download.tsx';
import { Notice } from './notice.tsx';

interface SignSummaryProps {
  readonly found: ContractCheck;
  readonly build: AttestedBuild;
  readonly simulated: boolean;
}

/** The audit's summary for the compared address (ERC-7512): signed by the wallet, kept as a file, sent nowhere. */
export function SignSummary(subject: SignSummaryProps): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState('');
  const [summary, setSummary] = useState<AuditSummary | null>(null);
  const sign = async (): Promise<void> => {
    setBusy(true);
    setFault('');
    try {
      const wallet = await findWallet();
      if (wallet === null)
        throw new Error('This browser has no Ethereum wallet. Sign with assay check-contract --summary and the bundle.');
      const { signSummary } = await import('../contracts/index.ts');
      setSummary(await signSummary(wallet, subject));
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="stack-sm" data-summary={summary === null ? 'unsigned' : 'signed'}>
      <p class="hint">
        You can say on the record that this audit is of the code at this address: your wallet signs a summary (ERC-7512) for one
        chain and address. Nothing is sent.
      </p>
      <div class="row">
        <Button icon="key" disabled={busy} onClick={() => void sign()}>
          Sign audit summary
        </Button>
        {summary !== null && (
          <Download name="audit-summary.json" content={() => JSON.stringify(summary, null, 2)}>
            audit-summary.json
          </Download>
        )}
      </div>
      {summary !== null && (
        <p class="hint" role="status">
          Signed by <code>{summary.signer}</code> for chain {Number(summary.summary.auditedContract.chainId)}.
        </p>
      )}
      {fault !== '' && (
        <Notice tone="fail" title="Not signed" role="alert">
          <p>{fault}</p>
        </Notice>
      )}
    </div>
  );
}
