import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { POLICY_WORDS } from '../state/policy-words.ts';
import { QUESTIONS } from '../state/question-words.ts';
import type { FilesAnswer, FilesQuestion } from '../verifier/verification.ts';
import { Card } from './card.tsx';
import { Field } from './field.tsx';

interface QuestionFieldsProps {
  readonly question: FilesQuestion;
  /** The field that is wrong, and why. */
  readonly fault: Extract<FilesAnswer, { fault: unknown }> | null;
  /** A verdict may be another as of another time: the fields are shown. */
  readonly ofTime: boolean;
  readonly onChange: (question: FilesQuestion) => void;
}

const FILE = 'file';

/** What a relying party demands in addition to authenticity: time, policy, nonce, and a simulator's root. */
export function QuestionFields({ question, fault, ofTime, onChange }: QuestionFieldsProps): JSX.Element {
  const { at, policy, nonce, simulatedRoot } = question;
  const change = (members: Partial<FilesQuestion>): void => onChange({ ...question, ...members });
  const faultOf = (field: string): string => (fault !== null && fault.fault === field ? fault.reason : '');
  const uploaded = typeof policy === 'object';
  const asked = fault !== null || ofTime;
  const [open, setOpen] = useState(false);
  // Opened once, and left open: a field must not vanish while somebody writes in it.
  useEffect(() => {
    if (asked) setOpen(true);
  }, [asked]);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{QUESTIONS}</summary>
      <Card>
        <div class="pair-even">
          <Field
            id="at"
            label="Verify as of"
            hint="RFC 3339; empty for now. Old evidence: when you received it."
            fault={faultOf('at')}
          >
            <input
              class="input mono"
              placeholder="2026-06-10T00:00:00Z"
              value={at}
              onInput={(event) => change({ at: event.currentTarget.value.trim() })}
            />
          </Field>
          <Field id="nonce" label="Nonce you sent" hint="Hex." fault={faultOf('nonce')}>
            <input class="input mono" value={nonce} onInput={(event) => change({ nonce: event.currentTarget.value.trim() })} />
          </Field>
          <Field id="policy" label="Policy" hint={POLICY_WORDS[uploaded ? FILE : policy]}>
            <select
              class="input"
              value={uploaded ? FILE : policy}
              onChange={(event) => {
                if (event.currentTarget.value !== FILE)
                  change({ policy: event.currentTarget.value as FilesQuestion['policy'] });
              }}
            >
              <option value="">default</option>
              <option value="strict">strict</option>
              <option value="moderate">moderate</option>
              <option value="relaxed">relaxed</option>
              {uploaded && <option value={FILE}>{policy.name}</option>}
            </select>
          </Field>
          <Field id="policy-file" label="Policy of your own" hint="JSON, as assay policy writes it." fault={faultOf('policy')}>
            <input
              class="input"
              type="file"
              accept=".json,application/json"
              onChange={(event) => {
                const file = event.currentTarget.files?.[0];
                if (file)
                  void file
                    .arrayBuffer()
                    .then((bytes) => change({ policy: { name: file.name, bytes: new Uint8Array(bytes) } }));
              }}
            />
          </Field>
          <Field
            id="root"
            label="Root certificate of a simulator"
            hint={simulatedRoot === null ? 'PEM, for development only.' : 'One counts. Choose another to replace it.'}
            fault={faultOf('root')}
          >
            <input
              class="input"
              type="file"
              accept=".pem"
              onChange={(event) => {
                void event.currentTarget.files?.[0]?.text().then((pem) => change({ simulatedRoot: pem }));
              }}
            />
          </Field>
        </div>
      </Card>
    </details>
  );
}
