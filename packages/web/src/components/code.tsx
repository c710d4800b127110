import highlighter from 'highlight.js/lib/core';
import javascript from 'highlight.js/lib/languages/javascript';
import python from 'highlight.js/lib/languages/python';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

highlighter.registerLanguage('python', python);
highlighter.registerLanguage('javascript', javascript);

/** Source text, highlighted, with a copy button. The highlighter escapes the text itself. */
export function Code({ text, language }: { readonly text: string; readonly language: string }): JSX.Element {
  const [copied, setCopied] = useState(false);
  const known = highlighter.getLanguage(language) !== undefined;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <div class="stack" style="gap:0.5rem">
      <div class="row">
        <button type="button" class="small" onClick={() => void copy()}>
          {copied ? 'Copied' : 'Copy'}
        </button>
      </div>
      <pre>
        {known ? (
          // biome-ignore lint/security/noDangerouslySetInnerHtml: highlight.js escapes its input and emits span elements only
          <code dangerouslySetInnerHTML={{ __html: highlighter.highlight(text, { language }).value }} />
        ) : (
          <code>{text}</code>
        )}
      </pre>
    </div>
  );
}
