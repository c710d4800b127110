import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Icon } from './icon.tsx';
import { toast } from './toast.tsx';

interface CopyButtonProps {
  readonly text: string;
  /** What is copied, for screen readers: `hash of the code`. */
  readonly what: string;
  /** Shows the word instead of the picture. */
  readonly word?: string | undefined;
}

const SHOWN_MS = 2000;

/** Puts a text on the clipboard. Browsers offer the clipboard to secure pages only; elsewhere it says so. */
export function CopyButton({ text, what, word }: CopyButtonProps): JSX.Element {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), SHOWN_MS);
    } catch {
      toast('The browser does not let this page copy; select the text instead', 'fail');
    }
  };
  return (
    <button
      type="button"
      class={word === undefined ? 'button is-quiet is-small is-icon' : 'button is-small'}
      aria-label={word === undefined ? `Copy ${what}` : undefined}
      title={`Copy ${what}`}
      onClick={() => void copy()}
    >
      <Icon name={copied ? 'check' : 'copy'} />
      {word !== undefined && (copied ? 'Copied' : word)}
    </button>
  );
}
