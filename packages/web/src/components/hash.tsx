import type { JSX } from 'preact';
import { CopyButton } from './copy-button.tsx';

const SHORT = 24; // characters: algorithm and eight bytes

/**
 * A digest, id or key: enough of it to recognise, the whole in the tooltip and on the clipboard.
 * @example <Hash value={receipt.receipt_id} what="receipt id" />
 */
export function Hash({ value, what }: { readonly value: string; readonly what: string }): JSX.Element {
  return (
    <span class="hash">
      <code title={value}>{value.length > SHORT + 1 ? `${value.slice(0, SHORT)}…` : value}</code>
      <CopyButton text={value} what={what} />
    </span>
  );
}
