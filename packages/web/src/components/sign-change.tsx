import type { Agent } from 'assay';
import type { Hex } from 'assay/owners';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { OwnedState } from '../state/owned-agent.ts';
import {
  CHANGE_TITLES,
  type OwnerChange,
  rowsOf,
  type SigningProgress,
  sendChange,
  signingProgress,
} from '../state/owner-change.ts';
import { accountOf, findWallet, signTyped } from '../state/wallet.ts';
import { Button } from './button.tsx';
import { CopyButton } from './copy-button.tsx';
import { Dialog } from './dialog.tsx';
import { toast } from './toast.tsx';

interface SignChangeProps {
  readonly agent: Agent;
  readonly owned: OwnedState;
  readonly change: OwnerChange;
  /** Explains the change where the rows of the message do not. */
  readonly children?: ComponentChildren;
  readonly onDone: (receiptId: string) => void;
  readonly onClose: () => void;
}

/** A change before it is sent: what it says, who has signed, the wallet, and the way to other owners. */
export function SignChange({ agent, owned, change: begun, children, onDone, onClose }: SignChangeProps): JSX.Element {
  const [change, setChange] = useState(begun);
  const [progress, setProgress] = useState<SigningProgress | null>(null);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState('');
  const { config } = owned;
  const { addresses } = config.control.owners;
  useEffect(() => {
    let current = true;
    signingProgress(change, config).then(
      (found) => current && setProgress(found),
      (error: unknown) => current && setFault(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      current = false;
    };
  }, [change, config]);
  const { needed, signers } = progress ?? { needed: 0, signers: new Map<Hex, Hex>() };
  const missing = progress === null ? null : Math.max(0, needed - signers.size);

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setFault('');
    try {
      await work();
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  const sign = async (): Promise<void> => {
    const wallet = await findWallet();
    if (wallet === null)
      throw new Error('This browser has no Ethereum wallet. Install one, or sign on the command line: docs/operator.md.');
    const account = await accountOf(wallet);
    if (!addresses.includes(account as Hex))
      throw new Error(`${account} is no owner of this agent. Choose an owner’s account in the wallet.`);
    const { typedDataOf } = await import('../owners/index.ts');
    const signature = await signTyped(wallet, account, typedDataOf(change.message));
    const signed = { ...change, signatures: [...signers.values(), signature] };
    const { signers: known } = await signingProgress(signed, config);
    if (!known.has(account as Hex)) throw new Error('The wallet signed something else. Nothing was sent.');
    setChange({ ...signed, signatures: [...known.values()] });
  };
  const send = async (): Promise<void> => {
    const receiptId = await sendChange(agent, { ...change, signatures: [...signers.values()] }, owned);
    toast(`Done: ${CHANGE_TITLES[change.message.type]}`);
    onDone(receiptId);
  };
  return (
    <Dialog
      title={CHANGE_TITLES[change.message.type]}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Close</Button>
          {missing !== 0 ? (
            <Button kind="primary" icon="key" disabled={busy || missing === null} onClick={() => void attempt(sign)}>
              Sign with wallet
            </Button>
          ) : (
            <Button kind="primary" icon="send" disabled={busy} onClick={() => void attempt(send)}>
              Send
            </Button>
          )}
        </>
      }
    >
      <dl class="facts" data-change={change.message.type}>
        {rowsOf(change.message).map(([name, value]) => (
          <>
            <dt key={name}>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
      </dl>
      {children}
      <div class="stack-sm" role="status" data-signed={signers.size}>
        {progress !== null && (
          <p>
            <strong>
              {signers.size} of {needed} {needed === 1 ? 'owner has' : 'owners have'} signed.
            </strong>
          </p>
        )}
        {[...signers.keys()].map((signer) => (
          <p key={signer} class="mono hint signer">
            {signer}
          </p>
        ))}
      </div>
      {missing !== 0 && signers.size > 0 && (
        <div class="stack-sm">
          <p class="hint">
            Give it to another owner, who signs it here under “Sign another owner’s change”, or with{' '}
            <code>{signCommand(change.message.type)}</code>.
          </p>
          <div class="row">
            <CopyButton
              text={JSON.stringify({ ...change, signatures: [...signers.values()] })}
              what="signed change"
              word="Copy for other owners"
            />
          </div>
        </div>
      )}
      {fault !== '' && (
        <p class="field-fault" role="alert">
          {fault}
        </p>
      )}
    </Dialog>
  );
}

/** What another owner types, with the file and the agent id. */
function signCommand(type: OwnerChange['message']['type']): string {
  if (type === 'SetVariable') return 'assay variables sign';
  return type === 'SetPolicy' ? 'assay owners sign' : `assay owners sign --type ${type}`;
}
