import type { AttestedBuild, ContractCheck } from 'assay/contracts';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { printable } from '../state/text-safety.ts';
import { findWallet } from '../state/wallet.ts';
import { Button } from './button.tsx';
import { Card } from './card.tsx';
import { Field } from './field.tsx';
import { Hash } from './hash.tsx';
import { Notice } from './notice.tsx';
import { SignSummary } from './sign-summary.tsx';

const MEANINGS: Readonly<Record<ContractCheck['level'], { readonly tone: 'pass' | 'fail' | 'open'; readonly words: string }>> =
  {
    identical: { tone: 'pass', words: 'The constructor, run again, leaves exactly this code.' },
    exact: {
      tone: 'pass',
      words: 'The code is that of the build, but for what a deployment fills in: immutables and addresses of libraries.',
    },
    match: { tone: 'open', words: 'The code does the same; hashes of comments and names differ.' },
    'no match': { tone: 'fail', words: 'The code at this address is another than the one that was built.' },
  };

/** Whether a deployed contract is the one that was built here; the chain is asked through the wallet of this browser. */
export function CompareDeployed({
  build,
  simulated,
}: {
  readonly build: AttestedBuild;
  readonly simulated: boolean;
}): JSX.Element {
  const [address, setAddress] = useState('');
  const [contract, setContract] = useState('');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState('');
  const [found, setFound] = useState<ContractCheck | null>(null);
  const compare = async (): Promise<void> => {
    setBusy(true);
    setFault('');
    setFound(null);
    try {
      const wallet = await findWallet();
      if (wallet === null)
        throw new Error(
          'This browser has no Ethereum wallet to ask the chain. Use assay check-contract with an RPC and the bundle.',
        );
      const { compareDeployed } = await import('../contracts/index.ts');
      setFound(await compareDeployed(wallet, address.trim(), build, contract === '' ? null : contract));
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  const names = build.artifacts
    .filter(({ deployedBytecode }) => deployedBytecode.length > 2)
    .map(({ source, name }) => `${source}:${name}`);
  return (
    <Card title="Compare with a deployed contract">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void compare();
        }}
      >
        <div class="pair-even">
          <Field id="deployed" label="Address" hint="On the chain that your wallet shows." fault={fault}>
            <input
              class="input mono"
              required
              pattern="0x[0-9a-fA-F]{40}"
              placeholder="0x…"
              value={address}
              onInput={(event) => setAddress(event.currentTarget.value)}
            />
          </Field>
          <Field id="deployed-name" label="Contract">
            <select class="input" value={contract} onChange={(event) => setContract(event.currentTarget.value)}>
              <option value="">the nearest one</option>
              {names.map((name) => (
                <option key={name} value={name}>
                  {printable(name)}
                </option>
              ))}
            </select>
          </Field>
        </div>
        <div>
          <Button type="submit" disabled={busy}>
            {busy ? 'Comparing…' : 'Compare'}
          </Button>
        </div>
      </form>
      {found !== null && <Compared found={found} />}
      {found !== null && /^(identical|exact)$/.test(found.level) && build.audit?.passed === true && (
        <SignSummary found={found} build={build} simulated={simulated} />
      )}
    </Card>
  );
}

function Compared({ found }: { readonly found: ContractCheck }): JSX.Element {
  const { level, contract, codeHash, immutables, difference, unproven, undecided } = found;
  const { tone, words } = undecided
    ? {
        tone: 'open' as const,
        words: 'Cannot tell here: it may differ in metadata only, and no compiler runs in a browser. assay check-contract can.',
      }
    : MEANINGS[level];
  return (
    <div class="stack-sm" data-level={level}>
      <Notice tone={tone} title={`${level}: ${printable(contract)}`} role="status">
        <p>{words}</p>
        {difference !== null && (
          <p>
            First difference at byte {difference.offset}
            {difference.place === null ? '' : `, ${printable(difference.place.source)}:${difference.place.line}`}:{' '}
            {difference.reason.replaceAll('-', ' ')} {printable(difference.subject)}
          </p>
        )}
      </Notice>
      {immutables.length > 0 && (
        <dl class="facts">
          {immutables.map(({ name, type, value }) => (
            <>
              <dt key={name}>
                {printable(type)} {printable(name)}
              </dt>
              <dd class="mono">{printable(value)}</dd>
            </>
          ))}
        </dl>
      )}
      <p class="hint">
        Code hash <Hash value={codeHash} what="code hash" />
      </p>
      <details>
        <summary>What this does not prove</summary>
        <ul>
          <li>that the chain says so: the wallet and its node were trusted</li>
          {unproven.map((each) => (
            <li key={each}>{printable(each)}</li>
          ))}
        </ul>
      </details>
    </div>
  );
}
