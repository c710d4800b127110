import '../style/theme.css';
import type { Receipt } from '@assay/receipt';
import { type Agent, connect, type Verdict, verdictOf } from 'assay';
import { type JSX, render } from 'preact';
import { useState } from 'preact/hooks';
import { Layout } from '../components/layout.tsx';
import { Timeline } from '../components/timeline.tsx';
import { VerdictView } from '../components/verdict.tsx';
import { apiKey } from '../state/agent-connection.ts';
import { getText } from '../state/public-files.ts';
import { asVerification } from '../state/verification.ts';

/** A chat in which nothing leaves the browser before it has verified the agent, and then only encrypted to the attested key. */
function ChatPage(): JSX.Element {
  const [agent, setAgent] = useState<Agent | null>(null);
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [question, setQuestion] = useState('What does a receipt prove?');
  const [answer, setAnswer] = useState('');
  const [receipt, setReceipt] = useState<Receipt | null>(null);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState('');

  const verify = async (simulatedRoot: string | null): Promise<void> => {
    setFault('');
    const key = apiKey();
    try {
      const connected = await connect(new URL('.', location.href), {
        trust: { simulatedRoot: simulatedRoot ?? undefined },
        apiKey: key === '' ? undefined : key,
      });
      setVerdict(connected.attested.verdict);
      setAgent(connected);
    } catch (error) {
      setAgent(null);
      const refused = verdictOf(error);
      setVerdict(refused);
      if (refused === null) setFault(error instanceof Error ? error.message : String(error));
    }
  };

  const ask = async (): Promise<void> => {
    if (agent === null) return;
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
    <Layout page="chat">
      <h1>Ask</h1>
      <p class="hint">
        First this browser verifies the agent. Only then does your question leave, encrypted to the attested key; the answer
        comes back the same way.
      </p>
      <div class="row">
        <button type="button" onClick={() => void verify(null)}>
          Verify the agent
        </button>
        {verdict !== null && agent === null && (
          <button
            type="button"
            onClick={() => void getText('./simulated-root.pem').then(verify, (error: unknown) => setFault(String(error)))}
          >
            Name this simulator's root (development only)
          </button>
        )}
      </div>
      {agent !== null && (
        <form
          class="card panel"
          onSubmit={(event) => {
            event.preventDefault();
            void ask();
          }}
        >
          <div class="field">
            <label for="question">Question</label>
            <textarea id="question" required value={question} onInput={(event) => setQuestion(event.currentTarget.value)} />
          </div>
          <button type="submit" class="primary" disabled={busy}>
            Ask, encrypted
          </button>
        </form>
      )}
      {fault !== '' && (
        <div class="verdict is-fail" role="alert">
          {fault}
        </div>
      )}
      {answer !== '' && (
        <section class="card" aria-label="Answer">
          <h2>Answer</h2>
          <pre aria-live="polite" data-answer>
            {answer}
          </pre>
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
        </section>
      )}
      {verdict !== null && (
        <section class="card">
          <VerdictView verification={asVerification(verdict)} />
        </section>
      )}
    </Layout>
  );
}

const root = document.getElementById('page');
if (root) render(<ChatPage />, root);
