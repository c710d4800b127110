import type { JSX } from 'preact';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import { Notice } from '../components/notice.tsx';
import { acceptSimulator, type SimulatorRoot } from '../state/connection.ts';

/** One line on a phone; the words above it say where, and for what. */
const ACCEPT = 'Accept the simulator';

/** What it means to accept a simulator's root: the same words wherever the question is asked. */
function Explanation({ simulator }: { readonly simulator: SimulatorRoot }): JSX.Element {
  return (
    <>
      {simulator.replaces && (
        <p>
          <strong>Its root is not the one you accepted before.</strong> The agent has a new data directory, or another agent
          answers at this address.
        </p>
      )}
      <p>
        No trusted hardware was found, so this agent signs its evidence with a simulator. Everything works as on real hardware
        and is checked the same way, but it proves nothing about the machine: its operator can read your tasks.
      </p>
      <p class="hint">
        Accepting keeps the simulator’s root certificate in this browser, for this address only. Results are then shown in
        amber, never in green.
      </p>
    </>
  );
}

/** The question inside the panel that starts the first task: read above the button, answered by it. */
export function ConsentInPanel(): JSX.Element {
  return (
    <>
      <p>
        <strong>This agent runs on simulated hardware.</strong> No trusted hardware was found, so a simulator signs its
        evidence. Everything is checked the same way, but it proves nothing about the machine: its operator can read your tasks.
      </p>
      <p class="hint">
        The button also accepts the simulator’s root certificate, in this browser and for this address only. Results are then
        amber, never green.
      </p>
    </>
  );
}

/** The question as a part of the page, where nothing can be shown before it is answered. */
export function ConsentNotice({ simulator }: { readonly simulator: SimulatorRoot }): JSX.Element {
  return (
    <Notice tone="open" title="This agent runs on simulated hardware">
      <Explanation simulator={simulator} />
      <div class="row">
        <Button kind="primary" onClick={() => void acceptSimulator(simulator)}>
          {ACCEPT}
        </Button>
      </div>
    </Notice>
  );
}

interface ConsentDialogProps {
  readonly simulator: SimulatorRoot;
  readonly onAccepted: () => void;
  readonly onClose: () => void;
}

/** The question before something that was asked for can go on. */
export function ConsentDialog({ simulator, onAccepted, onClose }: ConsentDialogProps): JSX.Element {
  const accept = async (): Promise<void> => {
    const { state } = await acceptSimulator(simulator);
    if (state === 'verified') onAccepted();
    else onClose();
  };
  return (
    <Dialog
      title="This agent runs on simulated hardware"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Not now</Button>
          <Button kind="primary" onClick={() => void accept()}>
            {ACCEPT}
          </Button>
        </>
      }
    >
      <Explanation simulator={simulator} />
    </Dialog>
  );
}
