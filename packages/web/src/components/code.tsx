import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { CopyButton } from './copy-button.tsx';

/** Longer texts are shown plain: highlighting takes time that grows with them. Characters. */
const MAX_HIGHLIGHTED = 100_000;

/**
 * Source text with a copy button; Python, JavaScript and JSON are highlighted once the highlighter is loaded.
 * @example <Code text="print(42)" language="python" />
 */
export function Code({ text, language }: { readonly text: string; readonly language: string }): JSX.Element {
  const [html, setHtml] = useState<string | null>(null);
  useEffect(() => {
    setHtml(null);
    if (text.length > MAX_HIGHLIGHTED) return;
    let current = true;
    void import('../state/highlight.ts').then(({ highlight }) => {
      if (current) setHtml(highlight(text, language));
    });
    return () => {
      current = false;
    };
  }, [text, language]);
  return (
    <div class="code">
      <CopyButton text={text} what="code" />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the keyboard */}
      <pre tabIndex={0}>
        {html === null ? (
          <code>{text}</code>
        ) : (
          // biome-ignore lint/security/noDangerouslySetInnerHtml: highlight.js escapes its input and emits span elements only
          <code dangerouslySetInnerHTML={{ __html: html }} />
        )}
      </pre>
    </div>
  );
}
