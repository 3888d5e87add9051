/** The button that opens the inspector; it already tells how fast the last answer began. */

import { useSyncExternalStore } from 'react';
import { Icon } from './icons';
import type { Session } from './session';

export function InspectorButton({ session, open, onClick }: { session: Session; open: boolean; onClick: () => void }) {
  useSyncExternalStore(session.recorder.subscribe, session.recorder.revision);
  const first = session.recorder.recording?.firstOutputAt;
  return (
    <button type="button" className="button ghost inspector-button" aria-pressed={open} onClick={onClick}>
      <Icon name="pulse" />
      <span className="inspector-label">Inspector</span>
      {first === undefined ? null : <span className="badge quiet">{first.toFixed(0)} ms</span>}
    </button>
  );
}
