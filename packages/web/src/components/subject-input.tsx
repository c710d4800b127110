import { utf8 } from '@assay/encoding/bytes';
import type { NamedFile } from 'assay';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { sizeOf } from '../state/text-safety.ts';
import { Button } from './button.tsx';
import { Card } from './card.tsx';
import { Field } from './field.tsx';
import { Icon } from './icon.tsx';

const MOST_FILES = 256;
const MOST_BYTES = 512 * 1024 * 1024;

interface SubjectInputProps {
  readonly files: readonly NamedFile[];
  readonly onChange: (files: readonly NamedFile[]) => void;
}

/** What is to be verified: files, dropped or chosen, in any order and in several goes; or text that is pasted. */
export function SubjectInput({ files, onChange }: SubjectInputProps): JSX.Element {
  const [over, setOver] = useState(false);
  const [fault, setFault] = useState('');

  const add = async (list: FileList | null | undefined, known: readonly NamedFile[]): Promise<void> => {
    const chosen = [...(list ?? [])];
    const size = known.reduce((sum, { bytes }) => sum + bytes.length, 0) + chosen.reduce((sum, file) => sum + file.size, 0);
    if (known.length + chosen.length > MOST_FILES || size > MOST_BYTES) {
      setFault(`Expected at most ${MOST_FILES} files with 512 MiB in all. Drop fewer.`);
      return;
    }
    setFault('');
    const added: NamedFile[] = [];
    for (const file of chosen) added.push({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
    onChange([...known, ...added]);
  };

  return (
    <>
      <section
        class={over ? 'drop is-over' : 'drop'}
        aria-label="Drop files here"
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void add(event.dataTransfer?.files, files);
        }}
      >
        <Icon name="upload" />
        <label class="button is-primary" for="evidence">
          Choose files
        </label>
        <input
          id="evidence"
          class="hidden"
          type="file"
          multiple
          aria-label="Drop evidence here, or choose files"
          aria-describedby="evidence-hint"
          onChange={(event) => void add(event.currentTarget.files, [])}
        />
        <p>or drop them here, in any order: evidence together with what came with it</p>
        <p class="hint" id="evidence-hint">
          Bundles, receipts, attestation.json, Nitro documents, SGX and TDX quotes, SNP reports, GPU evidence, combined reports,
          tokens. With them collateral, certificates, manifests, key sets.
        </p>
      </section>
      {fault !== '' && (
        <p class="field-fault" role="alert">
          {fault}
        </p>
      )}
      {files.length > 0 && (
        <div class="row">
          <ul class="chips" aria-label="Files">
            {files.map((file, index) => (
              <li key={`${file.name}-${index}`} class="badge">
                <span class="mono">{file.name}</span>
                <span>{sizeOf(file.bytes.length)}</span>
                <button
                  type="button"
                  class="chip-remove"
                  aria-label={`Remove ${file.name}`}
                  onClick={() => onChange(files.filter((other) => other !== file))}
                >
                  <Icon name="close" />
                </button>
              </li>
            ))}
          </ul>
          <Button small onClick={() => onChange([])}>
            Clear
          </Button>
        </div>
      )}
      <PasteInput onPaste={(text) => onChange([...files, { name: 'pasted text', bytes: utf8(text) }])} />
    </>
  );
}

function PasteInput({ onPaste }: { readonly onPaste: (text: string) => void }): JSX.Element {
  const [text, setText] = useState('');
  return (
    <details>
      <summary>Paste text instead</summary>
      <Card>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            onPaste(text);
            setText('');
          }}
        >
          <Field id="pasted" label="Evidence as text" hint="JSON, hex, base64 or PEM, as it is.">
            <textarea class="input mono" required value={text} onInput={(event) => setText(event.currentTarget.value)} />
          </Field>
          <div>
            <Button type="submit">Verify the text</Button>
          </div>
        </form>
      </Card>
    </details>
  );
}
