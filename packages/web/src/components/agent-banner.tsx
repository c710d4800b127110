import type { Agent } from 'assay';
import type { JSX } from 'preact';

/** On whose word the agent is believed, before its answers are read. */
export function AgentBanner({ agent }: { readonly agent: Agent }): JSX.Element | null {
  const { verdict } = agent.attested;
  if (!verdict.simulated) return null;
  return (
    <div class="verdict is-open" role="status" data-simulated>
      <strong>SIMULATED TEE</strong>
      <p>
        This agent is trusted by the root of its own simulator, because this page came from it. Requests are sealed to its key,
        and its operator can read them.
      </p>
    </div>
  );
}
