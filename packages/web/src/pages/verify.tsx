import type { NamedFile } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { FilesVerdictView } from '../components/files-verdict.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { PinnedPolicyNotice } from '../components/pinned-policy.tsx';
import { QuestionFields } from '../components/question-fields.tsx';
import { SubjectInput } from '../components/subject-input.tsx';
import { toast } from '../components/toast.tsx';
import { keptRoot } from '../state/kept.ts';
import { concernsTime } from '../state/outcome.ts';
import type { PinnedPolicy } from '../verifier/pinned-policy.ts';
import type { FilesAnswer, FilesQuestion, FileVerification } from '../verifier/verification.ts';

const PLAIN: FilesQuestion = { at: '', policy: '', nonce: '', simulatedRoot: null };

/** Verifies files in this browser. Once the verifier is loaded the page makes no request: it works without a connection. */
export function VerifyPage(): JSX.Element {
  const [files, setFiles] = useState<readonly NamedFile[]>([]);
  const [question, setQuestion] = useState<FilesQuestion>({ ...PLAIN, simulatedRoot: keptRoot.get() });
  const [answer, setAnswer] = useState<FilesAnswer | null>(null);
  const [pinned, setPinned] = useState<PinnedPolicy | null>(null);

  useEffect(() => void import('../verifier/index.ts'), []);
  useEffect(() => {
    if (files.length === 0) return setAnswer(null);
    let current = true;
    void import('../verifier/index.ts')
      .then(({ verifyFiles }) => verifyFiles(files, question))
      .then((found) => {
        if (current) setAnswer(found);
      });
    return () => {
      current = false;
    };
  }, [files, question]);

  const pin = (file: FileVerification): void =>
    void import('../verifier/index.ts')
      .then(({ pinnedPolicy }) => pinnedPolicy(file))
      .then((made) => {
        setPinned(made);
        if (made !== null) setQuestion((asked) => ({ ...asked, policy: made.file }));
      })
      .catch((error: unknown) => toast(error instanceof Error ? error.message : String(error), 'fail'));
  const isPinned = pinned !== null && question.policy === pinned.file;
  const fault = answer !== null && 'fault' in answer ? answer : null;
  const ofTime =
    answer !== null && 'verification' in answer && answer.verification.files.some(({ verdict }) => concernsTime(verdict));
  return (
    <Page title="Verify" lead="Check files of this agent or any other, in your browser. Nothing leaves this page.">
      {globalThis.crypto?.subtle === undefined ? (
        <Notice tone="fail" title="This browser cannot verify anything on this page" role="alert">
          <p>
            It offers cryptography to pages over HTTPS and from this machine only. Open this page at one of those addresses, or
            use <code>assay verify</code>.
          </p>
        </Notice>
      ) : (
        <>
          <SubjectInput files={files} onChange={setFiles} />
          {fault?.fault === 'files' && (
            <Notice tone="fail" title="These files were not verified" role="alert">
              <p>{fault.reason}</p>
            </Notice>
          )}
          <QuestionFields question={question} fault={fault} ofTime={ofTime} onChange={setQuestion} />
          {isPinned && <PinnedPolicyNotice pinned={pinned} />}
          {answer !== null && 'verification' in answer && (
            <FilesVerdictView verification={answer.verification} onPin={isPinned ? undefined : pin} />
          )}
        </>
      )}
    </Page>
  );
}
