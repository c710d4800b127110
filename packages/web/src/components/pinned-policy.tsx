import type { JSX } from 'preact';
import type { PinnedPolicy } from '../verifier/pinned-policy.ts';
import { Download } from './download.tsx';
import { Notice } from './notice.tsx';

/** The policy that was just made from a file, which every file here is now judged by. */
export function PinnedPolicyNotice({ pinned }: { readonly pinned: PinnedPolicy }): JSX.Element {
  const { file, sentences } = pinned;
  return (
    <div data-pinned>
      <Notice tone="plain" title="This software is pinned" role="status">
        <p>Files are judged by this policy now: other software is refused. Keep it, and choose it here the next time.</p>
        <Download name={file.name} content={() => new Uint8Array(file.bytes)}>
          Download the policy
        </Download>
        <details>
          <summary>What it demands</summary>
          <ul>
            {sentences.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </details>
      </Notice>
    </div>
  );
}
