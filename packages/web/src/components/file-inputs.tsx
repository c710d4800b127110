import { encodeBase64 } from '@assay/encoding/base64';
import type { JSX } from 'preact';
import type { UploadedFile } from '../state/task-request.ts';
import { printable, sizeOf } from '../state/text-safety.ts';
import { DropField } from './drop-field.tsx';
import { Icon } from './icon.tsx';
import { toast } from './toast.tsx';

/** As the agent takes them at most. */
const MOST_FILES = 256;

/** Bytes behind padded base64. */
const bytesOf = ({ content_base64: text }: UploadedFile): number =>
  (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);

/** Files for the task, chosen or dropped; the code finds each one as `/tmp/<name>`. */
export function FileInputs({
  files,
  onChange,
}: {
  readonly files: readonly UploadedFile[];
  readonly onChange: (files: readonly UploadedFile[]) => void;
}): JSX.Element {
  const add = async (list: FileList | null | undefined): Promise<void> => {
    const added: UploadedFile[] = [];
    try {
      for (const file of list ?? []) {
        added.push({ path: `/tmp/${file.name}`, content_base64: encodeBase64(new Uint8Array(await file.arrayBuffer())) });
      }
    } catch {
      toast('A folder, or a file that cannot be read, was left out; choose files', 'fail');
    }
    const names = new Set(added.map(({ path }) => path));
    const all = [...files.filter(({ path }) => !names.has(path)), ...added];
    if (all.length > MOST_FILES) toast(`A task takes ${MOST_FILES} files; the others were left out. Send an archive`, 'fail');
    onChange(all.slice(0, MOST_FILES));
  };
  return (
    <div class="stack-sm">
      <DropField
        id="files"
        label="Files"
        hint="Choose files or drop them here. The code finds them as /tmp/name."
        onFiles={(list) => void add(list)}
      />
      {files.length > 0 && (
        <ul class="chips">
          {files.map((file) => (
            <li key={file.path} class="badge">
              <bdi class="mono">{printable(file.path)}</bdi>
              <span>{sizeOf(bytesOf(file))}</span>
              <button
                type="button"
                class="chip-remove"
                aria-label={`Remove ${printable(file.path)}`}
                onClick={() => onChange(files.filter(({ path }) => path !== file.path))}
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
