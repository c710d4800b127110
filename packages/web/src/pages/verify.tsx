import type { NamedFile } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { FilesVerdictView } from '../components/files-verdict.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { QuestionFields } from '../components/question-fields.tsx';
import { SubjectInput } from '../components/subject-input.tsx';
import { keptRoot } from '../state/kept.ts';
import type { FilesAnswer, FilesQuestion } from '../verifier/verification.ts';

const PLAIN: FilesQuestion = { at: '', policy: '', nonce: '', simulatedRoot: null };

/** Verifies files in this browser. Once the verifier is loaded the page makes no request: it works without a connection. */
export function VerifyPage(): JSX.Element {
  const [files, setFiles] = useState<readonly NamedFile[]>([]);
  const [question, setQuestion] = useState<FilesQuestion>({ ...PLAIN, simulatedRoot: keptRoot.get() });
  const [answer, setAnswer] = useState<FilesAnswer | null>(null);

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

  const fault = answer !== null && 'fault' in answer ? answer : null;
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
          <QuestionFields question={question} fault={fault} onChange={setQuestion} />
          {answer !== null && 'verification' in answer && <FilesVerdictView verification={answer.verification} />}
        </>
      )}
    </Page>
  );
}
