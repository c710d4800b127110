import type { JSX } from 'preact';

/** A button that saves bytes the page already holds; nothing is requested. */
export function Download({
  name,
  content,
  children,
}: {
  readonly name: string;
  readonly content: () => BlobPart;
  readonly children: string;
}): JSX.Element {
  const save = (): void => {
    const url = URL.createObjectURL(new Blob([content()], { type: 'application/json' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return (
    <button type="button" class="small" onClick={save}>
      {children}
    </button>
  );
}
