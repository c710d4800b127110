import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

interface DropFieldProps {
  readonly id: string;
  readonly label: string;
  readonly hint: string;
  /** Endings of files that fit, as the platform's dialogue takes them; any when left out. */
  readonly accept?: string;
  readonly onFiles: (files: FileList | null | undefined) => void;
}

/** Files, chosen with a dialogue or dropped on the field. */
export function DropField({ id, label, hint, accept, onFiles }: DropFieldProps): JSX.Element {
  const [over, setOver] = useState(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the input inside takes the keyboard
    <div
      class={over ? 'field drop-field is-over' : 'field drop-field'}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        onFiles(event.dataTransfer?.files);
      }}
    >
      <label for={id}>{label}</label>
      <input
        id={id}
        class="input"
        type="file"
        multiple
        accept={accept}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onFiles(event.currentTarget.files)}
      />
      <p class="hint" id={`${id}-hint`}>
        {hint}
      </p>
    </div>
  );
}
