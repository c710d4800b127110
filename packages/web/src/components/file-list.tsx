import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type FilePreview, previewOf } from '../state/file-preview.ts';
import { fileNameOf, printable, sizeOf } from '../state/text-safety.ts';
import { Button } from './button.tsx';
import { Card } from './card.tsx';
import { Download } from './download.tsx';
import { Icon } from './icon.tsx';
import { Output } from './output.tsx';

/** Files that are drawn at once. */
const PAGE = 20;
/** Files that stand open from the start. */
const OPENED = 4;

/** Files that the code left, each with the hash that the receipt names: pictures shown, tables and texts previewed, nothing run. */
export function FileList({ files }: { readonly files: Readonly<Record<string, Uint8Array>> }): JSX.Element {
  const [shown, setShown] = useState(PAGE);
  const all = Object.entries(files);
  const rest = all.length - shown;
  return (
    <Card title={`Files (${all.length})`}>
      <ul class="files">
        {all.slice(0, shown).map(([path, bytes], index) => (
          <FileItem key={path} path={path} bytes={bytes} open={index < OPENED} />
        ))}
      </ul>
      {rest > 0 && (
        <div>
          <Button small onClick={() => setShown(shown + PAGE * 5)}>
            {`Show ${Math.min(rest, PAGE * 5)} more of ${rest}`}
          </Button>
        </div>
      )}
    </Card>
  );
}

interface FileItemProps {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly open: boolean;
}

function FileItem({ path, bytes, open }: FileItemProps): JSX.Element {
  const [opened, setOpened] = useState(open);
  const [preview, setPreview] = useState<FilePreview | null>(null);
  useEffect(() => {
    if (!opened) return;
    let current = true;
    void previewOf(path, bytes).then((found) => {
      if (current) setPreview(found);
    });
    return () => {
      current = false;
    };
  }, [path, bytes, opened]);
  return (
    <li class="file" data-file={path} data-preview={preview?.kind ?? ''}>
      <div class="row-apart">
        <span class="file-name">
          <Icon name="file" />
          <bdi class="mono">{printable(path)}</bdi>
          <span class="hint">{sizeOf(bytes.length)}</span>
        </span>
        <span class="row">
          {!opened && (
            <Button small kind="quiet" onClick={() => setOpened(true)}>
              Preview
            </Button>
          )}
          <Download name={fileNameOf(path)} content={() => bytes as BlobPart} type="application/octet-stream">
            Download
          </Download>
        </span>
      </div>
      {preview !== null && <Preview path={path} bytes={bytes} preview={preview} />}
    </li>
  );
}

interface PreviewProps {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly preview: FilePreview;
}

function Preview({ path, bytes, preview }: PreviewProps): JSX.Element | null {
  switch (preview.kind) {
    case 'picture':
      return <Picture path={path} bytes={bytes} type={preview.type} />;
    case 'table':
      return (
        <>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the keyboard */}
          <section class="table-scroll file-table" tabIndex={0} aria-label={`Table ${printable(path)}`}>
            <table class="table">
              <thead>
                <tr>
                  {preview.head.map((name, index) => (
                    <th key={index} scope="col">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {preview.rows.map((row, at) => (
                  <tr key={at}>
                    {row.map((cell, index) => (
                      <td key={index}>{cell}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
          {preview.cut && <p class="hint">The file has more; download it to see the rest.</p>}
        </>
      );
    case 'text':
      return (
        <>
          <Output text={preview.text} label={`Text of ${printable(path)}`} live={false} />
          {preview.cut && <p class="hint">The file has more; download it to see the rest.</p>}
        </>
      );
    case 'none':
      return null;
  }
}

/** Drawn from the verified bytes, under the media type that they begin with. */
function Picture({
  path,
  bytes,
  type,
}: {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly type: string;
}): JSX.Element | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([bytes as BlobPart], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [bytes, type]);
  return url === null ? null : <img class="plot" src={url} alt={printable(path)} />;
}
