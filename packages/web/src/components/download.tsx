import type { JSX } from 'preact';
import { Button } from './button.tsx';
import { toast } from './toast.tsx';

const KEPT_MS = 10_000; // until the browser has taken the bytes

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
    try {
      const url = URL.createObjectURL(new Blob([await content()], { type }));
      const link = document.createElement('a');
      link.href = url;
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error), 'fail');
    }
  };
  return (
    <Button small icon="download" onClick={() => void save()}>
      {children}
    </Button>
  );
}
