import type { Receipt } from '@assay/receipt';
import type { Agent } from 'assay';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { Field } from '../components/field.tsx';
import { Markdown } from '../components/markdown.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { Timeline } from '../components/timeline.tsx';
import { Gate } from '../shell/gate.tsx';

/** A chat in which nothing leaves the browser before it has verified the agent, and then only encrypted to the attested key. */
export function ChatPage(): JSX.Element {
  return (
    <Page title="Ask" lead="Questions leave this browser sealed to the attested key. Every answer comes with its proof.">
      <Gate>{({ agent }) => <Chat agent={agent} />}</Gate>
    </Page>
  );
}

function Chat({ agent }: { readonly agent: Agent }): JSX.Element {
  const [question, setQuestion] = useState('What does a receipt prove?');
  const [answer, setAnswer] = useState('');
  const [receipt, setReceipt] = useState<Receipt | null>(null);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState('');

  const ask = async (): Promise<void> => {
    setBusy(true);
    setAnswer('');
    setReceipt(null);
    setFault('');
    try {
      const answered = await agent.chat(question, { onText: (piece) => setAnswer((known) => known + piece) });
      setReceipt(answered.receipt);
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      <Card>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void ask();
          }}
        >
          <Field id="question" label="Question">
            <textarea
              id="question"
              class="input"
              required
              value={question}
              onInput={(event) => setQuestion(event.currentTarget.value)}
            />
          </Field>
          <div>
            <Button type="submit" kind="primary" icon="lock" disabled={busy}>
              Ask, encrypted
            </Button>
          </div>
        </form>
      </Card>
      {fault !== '' && (
        <Notice tone="fail" title="No answer" role="alert">
          <p>{fault}</p>
        </Notice>
      )}
      {answer !== '' && (
        <Card title="Answer">
          <div aria-live="polite" data-answer>
            <Markdown text={answer} />
          </div>
          {!busy && receipt !== null && (
            <details>
              <summary>
                Receipt{' '}
                <span class="mono" data-receipt>
                  {receipt.receipt_id}
                </span>
                , signed by an attested key
              </summary>
              <Timeline events={receipt.event_log} />
            </details>
          )}
        </Card>
      )}
    </>
  );
}
