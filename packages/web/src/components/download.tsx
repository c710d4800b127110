import type { JSX } from 'preact';

/** A button that saves bytes: those the page already holds, or what comes through the channel. */
export function Download({
  name,
  content,
  type = 'application/json',
  children,
}: {
  readonly name: string;
  readonly content: () => BlobPart | Promise<BlobPart>;
  readonly type?: string;
  readonly children: string;
}): JSX.Element {
  const save = async (): Promise<void> => {
    const url = URL.createObjectURL(new Blob([await content()], { type }));
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return (
    <button type="button" class="small" onClick={() => void save()}>
      {children}
    </button>
  );
}
