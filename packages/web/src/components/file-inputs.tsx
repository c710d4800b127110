import { encodeBase64 } from '@assay/encoding/base64';
import type { JSX } from 'preact';
import type { UploadedFile } from '../state/task-request.ts';
import { Icon } from './icon.tsx';

/** Files for the task; the code finds each one as `/tmp/<name>`. */
export function FileInputs({
  files,
  onChange,
}: {
  readonly files: readonly UploadedFile[];
  readonly onChange: (files: readonly UploadedFile[]) => void;
}): JSX.Element {
  const add = async (list: FileList | null): Promise<void> => {
    const added: UploadedFile[] = [];
    for (const file of list ?? []) {
      added.push({ path: `/tmp/${file.name}`, content_base64: encodeBase64(new Uint8Array(await file.arrayBuffer())) });
    }
    const names = new Set(added.map(({ path }) => path));
    onChange([...files.filter(({ path }) => !names.has(path)), ...added]);
  };
  return (
    <div class="field">
      <label for="files">Files</label>
      <input
        id="files"
        class="input"
        type="file"
        multiple
        aria-describedby="files-hint"
        onChange={(event) => void add(event.currentTarget.files)}
      />
      <p class="hint" id="files-hint">
        The code finds them as /tmp/name.
      </p>
      {files.length > 0 && (
        <ul class="chips">
          {files.map(({ path }) => (
            <li key={path} class="badge">
              <span class="mono">{path}</span>
              <button
                type="button"
                class="chip-remove"
                aria-label={`Remove ${path}`}
                onClick={() => onChange(files.filter((file) => file.path !== path))}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
