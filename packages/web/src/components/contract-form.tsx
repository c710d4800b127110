import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { type ContractDraft, sourcesOf } from '../state/contract-draft.ts';
import { printable, sizeOf } from '../state/text-safety.ts';
import { DropField } from './drop-field.tsx';
import { Field } from './field.tsx';
import { Icon } from './icon.tsx';

interface ContractFormProps {
  readonly draft: ContractDraft;
  readonly onChange: (draft: ContractDraft) => void;
}

/** Sources: files, a folder, or one pasted contract; and how to compile them. */
export function ContractForm({ draft, onChange }: ContractFormProps): JSX.Element {
  const [fault, setFault] = useState('');
  const set = (change: Partial<ContractDraft>): void => onChange({ ...draft, ...change });
  const add = async (list: FileList | null | undefined): Promise<void> => {
    try {
      set({ sources: { ...draft.sources, ...(await sourcesOf(list ?? [])) } });
      setFault('');
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  const names = Object.keys(draft.sources);
  return (
    <div class="stack">
      <div class="pair-even">
        <DropField
          id="sources"
          label="Solidity files"
          accept=".sol"
          hint="With everything that they import. Drop them here, too."
          onFiles={(files) => void add(files)}
        />
        <Field id="folder" label="Or a folder" hint="Paths inside it are kept, for imports.">
          <input
            class="input"
            type="file"
            ref={(input) => input?.setAttribute('webkitdirectory', '')}
            onChange={(event) => void add(event.currentTarget.files)}
          />
        </Field>
      </div>
      {fault !== '' && (
        <p class="field-fault" role="alert">
          {fault}
        </p>
      )}
      {names.length > 0 ? (
        <ul class="chips" aria-label="Sources">
          {names.map((name) => (
            <li key={name} class="badge">
              <bdi class="mono">{printable(name)}</bdi>
              <span>{sizeOf(draft.sources[name]?.length ?? 0)}</span>
              <button
                type="button"
                class="chip-remove"
                aria-label={`Remove ${printable(name)}`}
                onClick={() =>
                  set({ sources: Object.fromEntries(Object.entries(draft.sources).filter(([each]) => each !== name)) })
                }
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      ) : (
        <Field id="pasted-source" label="Or paste one contract">
          <textarea
            class="input mono code-editor"
            rows={8}
            spellcheck={false}
            placeholder={'pragma solidity ^0.8.24;\n\ncontract Token { }'}
            value={draft.pasted}
            onInput={(event) => set({ pasted: event.currentTarget.value })}
          />
        </Field>
      )}
      <details>
        <summary>Compiler, rule, model</summary>
        <div class="pair-even panel-more">
          <Field id="solc" label="Compiler" hint="Empty: what the pragmas allow.">
            <input
              class="input mono"
              placeholder="0.8.24"
              value={draft.solcVersion}
              onInput={(event) => set({ solcVersion: event.currentTarget.value })}
            />
          </Field>
          <Field id="evm" label="EVM version" hint="Empty: the compiler’s own.">
            <input
              class="input mono"
              placeholder="paris"
              value={draft.evmVersion}
              onInput={(event) => set({ evmVersion: event.currentTarget.value })}
            />
          </Field>
          <Field id="runs" label="Optimizer runs">
            <input
              class="input"
              type="number"
              min={1}
              max={1_000_000}
              disabled={!draft.optimizer}
              value={draft.runs}
              onInput={(event) => set({ runs: event.currentTarget.valueAsNumber })}
            />
          </Field>
          <Field id="rule" label="Rule of the audit" hint="What fails it.">
            <select class="input" value={draft.policy} onChange={(event) => set({ policy: event.currentTarget.value })}>
              <option value="default">default: grave findings</option>
              <option value="comments">comments: slither-disable counts</option>
              <option value="strict">strict</option>
              <option value="no-findings">no findings at all</option>
            </select>
          </Field>
          <label class="check-line">
            <input
              type="checkbox"
              checked={draft.optimizer}
              onChange={(event) => set({ optimizer: event.currentTarget.checked })}
            />
            Optimize
          </label>
          <label class="check-line">
            <input type="checkbox" checked={draft.viaIR} onChange={(event) => set({ viaIR: event.currentTarget.checked })} />
            Compile via IR
          </label>
          <label class="check-line">
            <input type="checkbox" checked={draft.claims} onChange={(event) => set({ claims: event.currentTarget.checked })} />
            Audit: also ask the agent’s model
          </label>
        </div>
      </details>
    </div>
  );
}
